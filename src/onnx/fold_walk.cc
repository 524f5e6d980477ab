#include "onnx/fold_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace signum::onnx::fold {

Strides DenseStrides(const std::vector<int64_t>& sizes) {
  Strides strides(sizes.size(), 1);
  for (size_t axis = sizes.size(); axis > 1; --axis) {
    strides[axis - 2] = strides[axis - 1] * std::max<int64_t>(sizes[axis - 1], 1);
  }
  return strides;
}

Result<std::vector<int64_t>> BroadcastSizes(const std::vector<int64_t>& a,
                                            const std::vector<int64_t>& b) {
  std::vector<int64_t> sizes(std::max(a.size(), b.size()));
  for (size_t i = 1; i <= sizes.size(); ++i) {
    const int64_t of_a = i <= a.size() ? a[a.size() - i] : 1;
    const int64_t of_b = i <= b.size() ? b[b.size() - i] : 1;
    if (of_a != of_b && of_a != 1 && of_b != 1) {
      return InvalidArgument(
          fmt::format("sizes {} and {} do not broadcast", SizesText(a), SizesText(b)));
    }
    sizes[sizes.size() - i] = of_a == 1 ? of_b : of_a;
  }
  return sizes;
}

Strides BroadcastStrides(const std::vector<int64_t>& sizes, const std::vector<int64_t>& to) {
  const Strides dense = DenseStrides(sizes);
  Strides strides(to.size(), 0);
  for (size_t i = 1; i <= sizes.size(); ++i) {
    if (sizes[sizes.size() - i] != 1) strides[to.size() - i] = dense[sizes.size() - i];
  }
  return strides;
}

Constant ReadBy(const Constant& from, std::vector<int64_t> sizes, const Strides& strides,
                int64_t start) {
  int64_t count = 1;
  for (const int64_t size : sizes) count *= size;
  Constant::Data data = std::visit(
      [&](const auto& values) {
        std::decay_t<decltype(values)> read(static_cast<size_t>(count));
        auto next = read.begin();
        Walk<1>(sizes, {strides}, {start}, [&](int64_t at) { *next++ = values[at]; });
        return Constant::Data(std::move(read));
      },
      from.data);
  return {from.type, std::move(sizes), std::move(data)};
}

}  // namespace signum::onnx::fold
