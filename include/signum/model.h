// A trained network, ready to make sessions of. Reads `.sgn` files; knows
// nothing of training and shows nothing of the IR.
#ifndef SIGNUM_MODEL_H_
#define SIGNUM_MODEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "signum/result.h"

namespace signum {

// What the network takes: planar images, {channels, height, width}, of floats in
// [0, 1]. Normalization by mean and deviation, where the network has one, is part
// of the network.
struct ImageSize {
  int64_t channels = 0;
  int64_t height = 0;
  int64_t width = 0;

  // Floats per image.
  int64_t elements() const { return channels * height * width; }
  bool operator==(const ImageSize&) const = default;
};

// Copies are cheap and share one immutable network. All members are safe to call
// from several threads at once.
class Model {
 public:
  // Reads and checks a `.sgn` file. kNotFound, kIo, kInvalidArgument (a folder),
  // kResourceExhausted (too large), kCorrupt (the message names the place in the
  // file) or kUnsupported; never crashes on bad bytes. Of a file with several precisions,
  // the one of `bits` (kNotFound where there is none), or for 0 the one of the most;
  // each is a Model of its own, so that every request can have its own.
  static Result<Model> Load(const std::string& path, int bits = 0);
  // The same from the file's bytes.
  static Result<Model> Parse(const void* bytes, size_t size, int bits = 0);

  // "resnet20"; may be empty.
  const std::string& name() const;
  ImageSize input_size() const;
  // The shape of one image's output, {classes} for a classifier.
  const std::vector<int64_t>& output_shape() const;
  // Floats per image that Session::Run writes: the product of output_shape().
  int64_t output_size() const;
  // In the order of the outputs; empty where the file has none.
  const std::vector<std::string>& class_names() const;

  // The network itself, for Session.
  struct Network;
  const Network& network() const { return *network_; }

 private:
  explicit Model(std::shared_ptr<const Network> network) : network_(std::move(network)) {}
  std::shared_ptr<const Network> network_;
};

}  // namespace signum

#endif  // SIGNUM_MODEL_H_
