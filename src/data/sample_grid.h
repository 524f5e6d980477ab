// A picture of labelled images of a dataset, to look at.
#ifndef SIGNUM_DATA_SAMPLE_GRID_H_
#define SIGNUM_DATA_SAMPLE_GRID_H_

#include <cstdint>
#include <span>

#include "data/dataset.h"
#include "data/image.h"

namespace signum::data {

// An RGB image with one tile per index, in rows from the top left: the image,
// enlarged to at least 96 pixels where it is smaller, and under it its class name.
// The grid is about as wide as high. There must be 1 to kMaxSamples indices, each
// in [0, dataset.size()).
inline constexpr int64_t kMaxSamples = 1000;
Image DrawSamples(const Dataset& dataset, std::span<const int64_t> indices);

}  // namespace signum::data

#endif  // SIGNUM_DATA_SAMPLE_GRID_H_
