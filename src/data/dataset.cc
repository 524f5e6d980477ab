#include "data/dataset.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/file.h"
#include "base/nearest.h"
#include "data/cifar10.h"
#include "data/fashion_mnist.h"

namespace signum::data {

const char* SplitName(Split split) { return split == Split::kTrain ? "train" : "test"; }

Result<Split> ParseSplit(const std::string& name) {
  if (name == "train") return Split::kTrain;
  if (name == "test") return Split::kTest;
  return InvalidArgument("no split is called '" + name + "': choose train or test");
}

std::vector<std::string> DatasetNames() { return {"cifar10", "fashion-mnist"}; }

Status CheckDatasetName(const std::string& name) {
  const std::vector<std::string> names = DatasetNames();
  for (const std::string& known : names) {
    if (name == known) return {};
  }
  const std::string nearest = Nearest(name, names);
  const std::string hint = nearest.empty() ? "" : " Did you mean " + nearest + "?";
  return InvalidArgument(fmt::format("no dataset is called '{}'.{} There are: {}", name, hint,
                                     fmt::join(names, ", ")));
}

std::string DataFolder() {
  const char* chosen = std::getenv("SIGNUM_DATA");
  if (chosen != nullptr && *chosen != '\0') return chosen;
  const std::string folder = base::UserFolder("XDG_DATA_HOME", ".local/share");
  return folder.empty() ? "./.local/share/signum" : folder;
}

Result<Dataset> LoadDataset(const std::string& name, Split split, const std::string& folder) {
  SIGNUM_RETURN_IF_ERROR(CheckDatasetName(name));
  const std::string place = folder.empty() ? DataFolder() : folder;
  if (name == "cifar10") return LoadCifar10(split, place);
  return LoadFashionMnist(split, place, kFashionMnistSystemFolder);
}

ChannelStatistics ComputeChannelStatistics(const Dataset& dataset) {
  const int64_t channels = dataset.image_shape[0];
  const int64_t area = dataset.image_shape[1] * dataset.image_shape[2];
  // Integer sums of bytes and of their squares are exact: 2^64 / 255^2 is more
  // pixels than memory holds.
  std::vector<uint64_t> sums(static_cast<size_t>(channels)), squares(sums);
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const uint8_t* image = dataset.image(i).data();
    for (int64_t c = 0; c < channels; ++c) {
      uint64_t sum = 0;
      uint64_t square = 0;
      for (const uint8_t* p = image + c * area; p < image + (c + 1) * area; ++p) {
        sum += *p;
        square += uint32_t{*p} * *p;
      }
      sums[static_cast<size_t>(c)] += sum;
      squares[static_cast<size_t>(c)] += square;
    }
  }
  ChannelStatistics statistics;
  const double count = static_cast<double>(std::max<int64_t>(dataset.size() * area, 1));
  for (size_t c = 0; c < sums.size(); ++c) {
    const double mean = static_cast<double>(sums[c]) / count;
    const double variance = static_cast<double>(squares[c]) / count - mean * mean;
    statistics.mean.push_back(mean / 255);
    statistics.deviation.push_back(std::sqrt(std::max(variance, 0.0)) / 255);
  }
  return statistics;
}

std::vector<int64_t> CountLabels(const Dataset& dataset) {
  std::vector<int64_t> counts(dataset.class_names.size());
  for (const int32_t label : dataset.labels) ++counts[static_cast<size_t>(label)];
  return counts;
}

}  // namespace signum::data
