// CIFAR-10's official files, in the binary and in the Python layout, unpacked or
// in their archive. Internal to this room: LoadDataset is the way in.
#ifndef SIGNUM_DATA_CIFAR10_H_
#define SIGNUM_DATA_CIFAR10_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace signum::data {

inline constexpr int64_t kCifar10Records = 10000;  // in each of the six batch files

enum class Cifar10Layout { kBinary, kPython };

// "cifar-10-batches-bin", "cifar-10-batches-py": the folder inside the archive.
const char* Cifar10Folder(Cifar10Layout layout);
// "cifar-10-binary.tar.gz", "cifar-10-python.tar.gz".
const char* Cifar10Archive(Cifar10Layout layout);
// The batch files of a split in the order of its images: "data_batch_1.bin", ...
std::vector<std::string> Cifar10Files(Cifar10Layout layout, Split split);

// A dataset without images: names and shape.
Dataset EmptyCifar10();

// Appends the records of one binary batch file to `dataset`: each 1 label byte,
// then the red, green and blue planes of 32 rows of 32. kCorrupt unless there are
// `records` of them and every label is below 10; `name` stands for the file.
Status ParseCifar10Binary(std::span<const uint8_t> bytes, const std::string& name, int64_t records,
                          Dataset* dataset);

// The same from a Python batch file: a pickled dict of b"data", uint8
// {records, 3072}, and b"labels".
Status ParseCifar10Python(std::span<const uint8_t> bytes, const std::string& name, int64_t records,
                          Dataset* dataset);

// What LoadDataset documents.
Result<Dataset> LoadCifar10(Split split, const std::string& folder);

}  // namespace signum::data

#endif  // SIGNUM_DATA_CIFAR10_H_
