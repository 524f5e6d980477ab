#include "data/sample_grid.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/rounding.h"
#include "data/canvas.h"

namespace signum::data {
namespace {

constexpr int64_t kLeastTile = 96;
constexpr int kTextScale = 2;
constexpr int64_t kMargin = 12;

}  // namespace

Image DrawSamples(const Dataset& dataset, std::span<const int64_t> indices) {
  const int64_t count = static_cast<int64_t>(indices.size());
  SIGNUM_CHECK(count >= 1 && count <= kMaxSamples);
  const int64_t height = dataset.image_shape[1], width = dataset.image_shape[2];
  const int64_t side = std::min(height, width);
  const int scale = static_cast<int>(base::DivideUp(kLeastTile, side));

  int64_t cell_width = width * scale;
  for (const std::string& name : dataset.class_names) {
    cell_width = std::max(cell_width, TextWidth(name, kTextScale));
  }
  cell_width += kMargin;
  const int64_t cell_height = height * scale + TextHeight(kTextScale) + 2 * kMargin;
  // Columns such that the whole is about square.
  const double square =
      std::sqrt(static_cast<double>(count * cell_height) / static_cast<double>(cell_width));
  const int64_t columns = std::clamp<int64_t>(std::lround(std::ceil(square)), 1, count);
  const int64_t rows = base::DivideUp(count, columns);

  Image grid = MakeImage(3, rows * cell_height + kMargin, columns * cell_width + kMargin, 255);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t index = indices[static_cast<size_t>(i)];
    SIGNUM_CHECK(index >= 0 && index < dataset.size());
    const auto bytes = dataset.image(index);
    const Image tile{dataset.image_shape, std::vector<uint8_t>(bytes.begin(), bytes.end())};
    const auto label = static_cast<size_t>(dataset.labels[static_cast<size_t>(index)]);
    const std::string& name = dataset.class_names[label];
    const int64_t x = kMargin + i % columns * cell_width;
    const int64_t y = kMargin + i / columns * cell_height;
    const int64_t inner = cell_width - kMargin;
    DrawTile(&grid, x + (inner - width * scale) / 2, y, tile, scale);
    DrawText(&grid, x + (inner - TextWidth(name, kTextScale)) / 2, y + height * scale + kMargin / 2,
             name, kTextScale, kBlack);
  }
  return grid;
}

}  // namespace signum::data
