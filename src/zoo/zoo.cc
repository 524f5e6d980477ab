#include "zoo/zoo.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <functional>
#include <span>

#include "base/nearest.h"
#include "zoo/networks.h"

namespace signum::zoo {
namespace {

// What a network was made for: square images of three channels.
struct Defaults {
  int64_t size, classes;
};
constexpr Defaults kCifar{32, 10};
constexpr Defaults kImageNet{224, 1000};

struct Entry {
  std::string name;
  Defaults defaults;
  std::vector<std::string> variants;  // the first is the default
  std::function<Result<Graph>(const ZooOptions&)> build;
};

std::vector<Entry> Entries() {
  std::vector<Entry> entries = {{"lenet", kCifar, {""}, BuildLeNet},
                                {"alexnet-cifar", kCifar, {""}, BuildAlexNetCifar},
                                {"vgg-small", kCifar, {"relu", "hardtanh"}, BuildVggSmall}};
  for (const int depth : {20, 32, 44, 56, 110}) {
    entries.push_back(
        {fmt::format("resnet{}", depth),
         kCifar,
         {"projection", "keras", "pad"},
         [depth](const ZooOptions& options) { return BuildResNetCifar(depth, options); }});
  }
  entries.push_back({"alexnet", kImageNet, {""}, BuildAlexNet});
  for (const int depth : {18, 34, 50}) {
    entries.push_back(
        {fmt::format("resnet{}", depth), kImageNet, {""}, [depth](const ZooOptions& options) {
           return BuildResNet(depth, options);
         }});
  }
  entries.push_back({"mobilenet-v1", kImageNet, {""}, BuildMobileNetV1});
  entries.push_back({"mobilenet-v2", kImageNet, {""}, BuildMobileNetV2});
  entries.push_back({"efficientnet-b0", kImageNet, {""}, BuildEfficientNetB0});
  return entries;
}

Result<std::string> ResolveVariant(const Entry& entry, const std::string& variant) {
  if (variant.empty()) return entry.variants[0];
  if (entry.variants.size() == 1) {
    return InvalidArgument(fmt::format("{} has no variants; leave out '{}'", entry.name, variant));
  }
  for (const std::string& known : entry.variants) {
    if (known == variant) return variant;
  }
  return InvalidArgument(fmt::format("{} has no variant '{}'; its variants are {}", entry.name,
                                     variant, fmt::join(entry.variants, ", ")));
}

Status CheckNormalization(const std::string& name, const ZooOptions& options) {
  if (options.mean.size() != options.deviation.size()) {
    return InvalidArgument(fmt::format("{}: {} channel means but {} deviations; give both or none",
                                       name, options.mean.size(), options.deviation.size()));
  }
  if (options.mean.empty()) return {};
  if (static_cast<int64_t>(options.mean.size()) != options.channels) {
    return InvalidArgument(
        fmt::format("{}: {} channel means for an input of {} channels; give one per channel", name,
                    options.mean.size(), options.channels));
  }
  for (const float deviation : options.deviation) {
    if (!(deviation > 0) || !std::isfinite(deviation)) {
      return InvalidArgument(
          fmt::format("{}: a channel's deviation is {}; it must be above 0", name, deviation));
    }
  }
  return {};
}

Result<ZooOptions> Resolve(const Entry& entry, ZooOptions options) {
  SIGNUM_ASSIGN_OR_RETURN(options.variant, ResolveVariant(entry, options.variant));
  if (options.channels == 0) options.channels = 3;
  if (options.height == 0) options.height = entry.defaults.size;
  if (options.width == 0) options.width = entry.defaults.size;
  if (options.classes == 0) options.classes = entry.defaults.classes;
  const Shape input{1, options.channels, options.height, options.width};
  if (CheckedElements(input) < 0) {
    return InvalidArgument(fmt::format("{}: the input {} has a size below 1, or too many elements",
                                       entry.name, input.ToString()));
  }
  if (options.classes < 1) {
    return InvalidArgument(
        fmt::format("{}: {} classes; there must be at least 1", entry.name, options.classes));
  }
  SIGNUM_RETURN_IF_ERROR(CheckNormalization(entry.name, options));
  return options;
}

}  // namespace

std::vector<std::string> ZooNames() {
  std::vector<std::string> names;
  for (const Entry& entry : Entries()) names.push_back(entry.name);
  return names;
}

Result<Graph> BuildZoo(const std::string& name, const ZooOptions& options) {
  for (const Entry& entry : Entries()) {
    if (entry.name != name) continue;
    SIGNUM_ASSIGN_OR_RETURN(const ZooOptions resolved, Resolve(entry, options));
    return entry.build(resolved);
  }
  const std::vector<std::string> names = ZooNames();
  const std::string nearest = Nearest(name, names);
  return NotFound(fmt::format("there is no network '{}'{}; the zoo has {}", name,
                              nearest.empty() ? "" : ", did you mean '" + nearest + "'?",
                              fmt::join(names, ", ")));
}

}  // namespace signum::zoo
