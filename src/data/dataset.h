// Datasets of labelled images, in memory as bytes.
//
// Knows the files that CIFAR-10 and Fashion-MNIST are published as; fetches
// nothing (download.h does) and knows nothing of what is trained on them.
#ifndef SIGNUM_DATA_DATASET_H_
#define SIGNUM_DATA_DATASET_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/shape.h"
#include "signum/result.h"

namespace signum::data {

enum class Split { kTrain, kTest };

// "train", "test".
const char* SplitName(Split split);
Result<Split> ParseSplit(const std::string& name);

struct Dataset {
  std::string name;
  Shape image_shape;                     // {channels, height, width}
  std::vector<uint8_t> images;           // {size, channels, height, width}, planar
  std::vector<int32_t> labels;           // {size}, each an index into class_names
  std::vector<std::string> class_names;  // in the order of the labels
  std::string source;                    // the folder or archive it was read from

  int64_t size() const { return static_cast<int64_t>(labels.size()); }
  // The {channels, height, width} bytes of image i, which is in [0, size()).
  std::span<const uint8_t> image(int64_t i) const {
    const size_t bytes = static_cast<size_t>(image_shape.elements());
    return {images.data() + static_cast<size_t>(i) * bytes, bytes};
  }
};

// "cifar10", "fashion-mnist".
std::vector<std::string> DatasetNames();

// What DatasetNames() lists, or an error that suggests the nearest of them.
Status CheckDatasetName(const std::string& name);

// Where datasets are kept: $SIGNUM_DATA, else $XDG_DATA_HOME/signum, else
// ~/.local/share/signum.
std::string DataFolder();

// Reads one split of a dataset from `folder`, where empty means DataFolder().
//
// cifar10: the official files (A. Krizhevsky, "Learning Multiple Layers of
// Features from Tiny Images", 2009), in `folder` itself, its subfolder
// cifar-10-batches-bin or cifar-10-batches-py, or inside cifar-10-binary.tar.gz
// or cifar-10-python.tar.gz in it, in this order. 3x32x32, 10,000 records a file.
// fashion-mnist: the four idx files (H. Xiao et al., arXiv:1708.07747), plain or
// .gz, in `folder`/fashion-mnist, `folder`, or where Debian's package
// dataset-fashion-mnist puts them. 1x28x28.
//
// kInvalidArgument for an unknown name, kNotFound where no copy is there,
// kCorrupt where one is, but is short or malformed: the message names the file,
// what was expected and found, and what to do.
Result<Dataset> LoadDataset(const std::string& name, Split split, const std::string& folder = "");

struct ChannelStatistics {
  std::vector<double> mean, deviation;  // {channels}
};

// Mean and population standard deviation of every channel over all pixels of all
// images, scaled to [0, 1]. Exact sums: the result does not depend on the order.
ChannelStatistics ComputeChannelStatistics(const Dataset& dataset);

// Images per class, in the order of class_names.
std::vector<int64_t> CountLabels(const Dataset& dataset);

}  // namespace signum::data

#endif  // SIGNUM_DATA_DATASET_H_
