// Fashion-MNIST's four idx files, plain or compressed. Internal to this room:
// LoadDataset is the way in.
#ifndef SIGNUM_DATA_FASHION_MNIST_H_
#define SIGNUM_DATA_FASHION_MNIST_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace signum::data {

// "train-images-idx3-ubyte" and "train-labels-idx1-ubyte"; "t10k-..." for test.
struct IdxNames {
  std::string images, labels;
};
IdxNames FashionMnistFiles(Split split);

// The elements of an idx file of bytes (Y. LeCun's format: two zero bytes, the
// type 8, the rank, that many big-endian sizes, the elements) whose sizes must be
// `sizes`; `name` stands for the file in errors. The result points into `bytes`.
Result<std::span<const uint8_t>> ParseIdx(std::span<const uint8_t> bytes,
                                          const std::vector<int64_t>& sizes,
                                          const std::string& name);

// What LoadDataset documents. With an empty `system_folder`, Debian's is not
// looked at.
Result<Dataset> LoadFashionMnist(Split split, const std::string& folder,
                                 const std::string& system_folder);

// Where Debian's package dataset-fashion-mnist puts the files.
inline constexpr char kFashionMnistSystemFolder[] = "/usr/share/datasets/fashion-mnist";

}  // namespace signum::data

#endif  // SIGNUM_DATA_FASHION_MNIST_H_
