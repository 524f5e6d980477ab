// TensorBoard's event files, written without TensorFlow: TFRecord framing around
// hand-encoded Event messages. Knows the bytes of that format, not what is learned.
//
// Sources: the framing and its masked CRC, tensorflow/core/lib/io/record_writer.cc
// and https://www.tensorflow.org/tutorials/load_data/tfrecord; the messages,
// tensorflow/core/util/event.proto and tensorflow/core/framework/summary.proto.
#ifndef SIGNUM_REPORT_EVENT_FILE_H_
#define SIGNUM_REPORT_EVENT_FILE_H_

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "signum/result.h"

namespace signum::report {

// One writer of one file. Records are buffered until Flush, or until there are
// 64 KiB of them; call Flush once an epoch. Movable, not copyable, not thread-safe.
class EventFile {
 public:
  // Creates `folder`/events.out.tfevents.<seconds>.<host> (and the folder), with
  // a number behind the name where that file is there already: an existing file
  // is never touched. Writes the format's version record at once.
  static Result<EventFile> Open(const std::string& folder);

  EventFile(EventFile&& other) noexcept;
  EventFile& operator=(EventFile&& other) noexcept;
  ~EventFile();  // flushes; an error is lost, so call Flush to learn of it

  // Named numbers of one step, as one record. Seconds are since 1970.
  Status AddScalars(int64_t step, double wall_time_seconds,
                    const std::vector<std::pair<std::string, float>>& scalars);

  // The distribution of `values` in 64 equal bins between its least and greatest.
  // Values that are not finite are left out; where none is left it is kInvalidArgument.
  Status AddHistogram(int64_t step, double wall_time_seconds, const std::string& tag,
                      std::span<const float> values);

  // Hands everything to the operating system. After an error (a full disk) the
  // rest stays buffered and a later Flush continues in the middle of the record.
  Status Flush();

  const std::string& path() const { return path_; }

 private:
  EventFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Status AddRecord(const std::string& event);
  void Close();

  std::string path_;
  int fd_ = -1;
  std::string buffer_;
};

// The current time as AddScalars takes it.
double WallTimeSeconds();

}  // namespace signum::report

#endif  // SIGNUM_REPORT_EVENT_FILE_H_
