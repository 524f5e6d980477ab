// Getting datasets: over HTTP from where they are published, or from a file that
// somebody fetched. The only part of this room that touches the network.
#ifndef SIGNUM_DATA_DOWNLOAD_H_
#define SIGNUM_DATA_DOWNLOAD_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "signum/result.h"

namespace signum::data {

// A file that a dataset is published as.
struct PublishedFile {
  std::string url;
  int64_t bytes = 0;
  std::string sha256;  // 64 lower-case hexadecimal digits

  // What follows the last slash of the URL.
  std::string Name() const;
};

// The official files of a dataset of DatasetNames().
std::vector<PublishedFile> OfficialFiles(const std::string& dataset);

struct DownloadOptions {
  // Replaces the official files.
  std::vector<PublishedFile> files;
  // An address whose folder has the same files: "https://example.org/mirror".
  std::string mirror;
  // Called every now and then with the bytes that are there and that there will
  // be, over all files; bytes of an earlier, interrupted download count.
  std::function<void(int64_t bytes_done, int64_t bytes_total)> progress;
  // Tries in a row that bring nothing before it gives up.
  int attempts = 3;
  int timeout_seconds = 30;       // without a byte
  int retry_milliseconds = 1000;  // between tries
};

// Downloads a dataset into `folder`, checks it and unpacks it, to where LoadDataset
// finds it. Each file is written to NAME.partial; an interrupted download goes on
// from there, also in a later call. One whose SHA-256 is wrong is deleted.
// What was installed before is replaced at the end, in one rename.
// kNotFound (HTTP 404), kIo (network, disk, or another download at work in the
// folder), kCorrupt (digest), kInvalidArgument (name, URL).
Status DownloadDataset(const std::string& name, const std::string& folder,
                       const DownloadOptions& options = {});

// Installs a dataset into `folder` from `source`: for cifar10, either of the two
// official archives or the folder unpacked from one; for fashion-mnist the folder
// of the four idx files, or one of them. The contents are checked as LoadDataset
// checks them, not by digest, so a repacked archive will do.
Status InstallDataset(const std::string& name, const std::string& source,
                      const std::string& folder);

// Downloads one file to `path`, going on where an existing file there ends, and
// verifies its size and SHA-256. `progress` gets the bytes of this file.
Status DownloadFile(const PublishedFile& file, const std::string& path,
                    const std::function<void(int64_t bytes_done)>& progress,
                    const DownloadOptions& options);

// 64 lower-case hexadecimal digits. kNotFound, kIo.
Result<std::string> Sha256OfFile(const std::string& path);

}  // namespace signum::data

#endif  // SIGNUM_DATA_DOWNLOAD_H_
