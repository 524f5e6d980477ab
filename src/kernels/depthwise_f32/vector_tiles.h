// Depthwise sums a tile of pixels and vectors of channels at a time. What is left of the
// channels is one vector, partly filled. For files of one ISA only: Of must be a type of an
// anonymous namespace, so that what is instantiated here stays in the file it was compiled
// for. It has
//
//   using Vector = ...;
//   static constexpr int kLanes, kTiles;     kTiles: most vectors of sums at a time
//   Load(p), Store(p, x), MultiplyAdd(a, b, sum): a * b + sum, rounded once
//   LoadSome(p, count), StoreSome(p, count, x): of the first `count` lanes, the rest being 0
#ifndef SIGNUM_KERNELS_DEPTHWISE_F32_VECTOR_TILES_H_
#define SIGNUM_KERNELS_DEPTHWISE_F32_VECTOR_TILES_H_

#include <algorithm>

#include "kernels/depthwise_blocks.h"

namespace signum::kernels {

template <typename Of>
class DepthwiseTiles {
 public:
  static void Run(const DepthwiseProblem<float, float>& problem) {
    for (int64_t block = 0; block < problem.channels; block += kDepthwiseBlock) {
      DepthwiseTiles(problem, block).RunBlock();
    }
  }

 private:
  using Vector = typename Of::Vector;

  DepthwiseTiles(const DepthwiseProblem<float, float>& problem, int64_t block)
      : problem_(problem),
        block_(block),
        width_(std::min(kDepthwiseBlock, problem.channels - block)),
        weights_(reinterpret_cast<const float*>(problem.packed) + block * problem.window.taps()) {}

  void RunBlock() const {
    int64_t channel = Vectors<4>(0);
    channel = Vectors<2>(channel);
    channel = Vectors<1>(channel);
    if (channel < width_) Pixels<Of::kTiles / 2, 1, true>(0, channel);
  }

  template <int kVectors>
  int64_t Vectors(int64_t channel) const {
    for (; channel + kVectors * Of::kLanes <= width_; channel += kVectors * Of::kLanes) {
      // One sum does not wait for the one before it, and 8 hide what a product takes.
      Pixels<std::min(8, Of::kTiles / kVectors), kVectors, false>(0, channel);
    }
    return channel;
  }

  template <int kPixels, int kVectors, bool kSome>
  void Pixels(int64_t pixel, int64_t channel) const {
    for (; pixel + kPixels <= problem_.pixels; pixel += kPixels) {
      Tile<kPixels, kVectors, kSome>(pixel, channel);
    }
    if constexpr (kPixels > 1) {
      if (pixel < problem_.pixels) Pixels<kPixels / 2, kVectors, kSome>(pixel, channel);
    }
  }

  template <int kPixels, int kVectors, bool kSome>
  void Tile(int64_t pixel, int64_t channel) const {
    const int64_t some = width_ - channel;
    const auto load = [&](const float* p) {
      if constexpr (kSome) return Of::LoadSome(p, some);
      if constexpr (!kSome) return Of::Load(p);
    };
    Vector sums[kPixels][kVectors];
    for (int v = 0; v < kVectors; ++v) {
      const Vector init = load(problem_.init + block_ + channel + v * Of::kLanes);
      for (int p = 0; p < kPixels; ++p) sums[p][v] = init;
    }
    const int64_t taps = problem_.window.taps();
    const float* weights = weights_ + channel;
    for (int64_t t = 0; t < taps; ++t, weights += width_) {
      const int64_t step = problem_.taps[t].step;
      const float* values = problem_.taps[t].first + pixel * step + block_ + channel;
      Vector w[kVectors];
      for (int v = 0; v < kVectors; ++v) w[v] = load(weights + v * Of::kLanes);
      for (int p = 0; p < kPixels; ++p, values += step) {
        for (int v = 0; v < kVectors; ++v) {
          sums[p][v] = Of::MultiplyAdd(load(values + v * Of::kLanes), w[v], sums[p][v]);
        }
      }
    }
    float* to = problem_.sums + pixel * problem_.stride + block_ + channel;
    for (int p = 0; p < kPixels; ++p, to += problem_.stride) {
      for (int v = 0; v < kVectors; ++v) {
        if constexpr (kSome) Of::StoreSome(to, some, sums[p][v]);
        if constexpr (!kSome) Of::Store(to + v * Of::kLanes, sums[p][v]);
      }
    }
  }

  const DepthwiseProblem<float, float>& problem_;
  int64_t block_;         // its first channel
  int64_t width_;         // its channels
  const float* weights_;  // [taps][width_]
};

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_DEPTHWISE_F32_VECTOR_TILES_H_
