// Depthwise sums a tile of pixels and vectors of channels at a time. What is left of the
// channels is one vector, partly filled. Where windows slide, each value is loaded once for
// all windows that have it in their line. For files of one ISA only: Of must be a type of an
// anonymous namespace, so that what is instantiated here stays in the file it was compiled
// for. It has
//
//   using Vector = ...;
//   static constexpr int kLanes;
//   static constexpr int kTiles;      most vectors of sums at a time
//   static constexpr int kRegisters;  that hold vectors
//   Load(p), Store(p, x), MultiplyAdd(a, b, sum): a * b + sum, rounded once
//   LoadSome(p, count), StoreSome(p, count, x): of the first `count` lanes, the rest being 0
#ifndef SIGNUM_KERNELS_DEPTHWISE_F32_VECTOR_TILES_H_
#define SIGNUM_KERNELS_DEPTHWISE_F32_VECTOR_TILES_H_

#include <algorithm>

#include "kernels/depthwise_blocks.h"
#include "kernels/unrolled.h"

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

  // The weights of a window that slides, its sums and a value stay in registers.
  template <int kSize>
  static constexpr int kSlideVectors = (Of::kRegisters - 1) / ((kSize + 1) * kSize);

  void RunBlock() const {
    const DepthwiseWindow& window = problem_.window;
    if (window.slides && problem_.pixels > 1 && window.rows == window.columns) {
      if (window.rows == 3) return SlideAll<3>();
      if constexpr (kSlideVectors<5> != 0) {
        if (window.rows == 5) return SlideAll<5>();
      }
    }
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

  template <int kSize>
  void SlideAll() const {
    constexpr int kVectors = std::min(2, kSlideVectors<kSize>);
    int64_t channel = 0;
    for (; channel + kVectors * Of::kLanes <= width_; channel += kVectors * Of::kLanes) {
      Slide<kSize, kVectors, false>(channel);
    }
    for (; channel + Of::kLanes <= width_; channel += Of::kLanes) Slide<kSize, 1, false>(channel);
    if (channel < width_) Slide<kSize, 1, true>(channel);
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

  // A vector of a pixel, of weights or of init, of which `some` lanes are there.
  template <bool kSome>
  static Vector Load(const float* p, int64_t some) {
    if constexpr (kSome) return Of::LoadSome(p, some);
    if constexpr (!kSome) return Of::Load(p);
  }
  template <bool kSome>
  static void Store(float* p, int64_t some, Vector x) {
    if constexpr (kSome) Of::StoreSome(p, some, x);
    if constexpr (!kSome) Of::Store(p, x);
  }

  template <int kPixels, int kVectors, bool kSome>
  void Tile(int64_t pixel, int64_t channel) const {
    const int64_t some = width_ - channel;
    const DepthwiseWindow window = problem_.window;
    Vector sums[kPixels][kVectors];
    Unrolled<kVectors>([&](auto v) SIGNUM_INLINE {
      const float* init = problem_.init + block_ + channel + v * Of::kLanes;
      Unrolled<kPixels>([&](auto p) SIGNUM_INLINE { sums[p][v] = Load<kSome>(init, some); });
    });
    for (int64_t column = 0; column < window.columns; ++column) {
      for (int64_t t = column; t < window.taps(); t += window.columns) {
        const float* weights = weights_ + t * width_ + channel;
        const int64_t step = problem_.taps[t].step;
        const float* values = problem_.taps[t].first + pixel * step + block_ + channel;
        Vector w[kVectors];
        Unrolled<kVectors>(
            [&](auto v) SIGNUM_INLINE { w[v] = Load<kSome>(weights + v * Of::kLanes, some); });
        Unrolled<kPixels>([&](auto p) SIGNUM_INLINE {
          Unrolled<kVectors>([&](auto v) SIGNUM_INLINE {
            const Vector x = Load<kSome>(values + v * Of::kLanes, some);
            sums[p][v] = Of::MultiplyAdd(x, w[v], sums[p][v]);
          });
          values += step;
        });
      }
    }
    float* to = problem_.sums + pixel * problem_.stride + block_ + channel;
    Unrolled<kPixels>([&](auto p) SIGNUM_INLINE {
      Unrolled<kVectors>(
          [&](auto v) SIGNUM_INLINE { Store<kSome>(to + v * Of::kLanes, some, sums[p][v]); });
      to += problem_.stride;
    });
  }

  // Column i meets the windows of pixels i - kSize + 1 to i, the first of which it completes.
  // Pixel i's sums are in place i % kSize.
  template <int kSize, int kVectors, bool kSome>
  void Slide(int64_t channel) const {
    const int64_t some = width_ - channel;
    const int64_t stride = problem_.stride;
    const float* rows[kSize];
    int64_t steps[kSize];
    Unrolled<kSize>([&](auto row) SIGNUM_INLINE {
      rows[row] = problem_.taps[row * kSize].first + block_ + channel;
      steps[row] = problem_.taps[row * kSize].step;
    });
    Vector weights[kSize * kSize][kVectors], init[kVectors], sums[kSize][kVectors];
    Unrolled<kVectors>([&](auto v) SIGNUM_INLINE {
      Unrolled<kSize * kSize>([&](auto t) SIGNUM_INLINE {
        weights[t][v] = Load<kSome>(weights_ + t * width_ + channel + v * Of::kLanes, some);
      });
      init[v] = Load<kSome>(problem_.init + block_ + channel + v * Of::kLanes, some);
      Unrolled<kSize>([&](auto place) SIGNUM_INLINE { sums[place][v] = init[v]; });
    });
    float* to = problem_.sums + block_ + channel;
    const int64_t end = problem_.pixels + kSize - 1;
    for (int64_t first = 0; first < end; first += kSize) {
      Unrolled<kSize>([&](auto place) SIGNUM_INLINE {
        if (first + place >= end) return;
        Unrolled<kVectors>([&](auto v) SIGNUM_INLINE { sums[place][v] = init[v]; });
        Unrolled<kSize>([&](auto row) SIGNUM_INLINE {
          Unrolled<kVectors>([&](auto v) SIGNUM_INLINE {
            const Vector x = Load<kSome>(rows[row] + v * Of::kLanes, some);
            Unrolled<kSize>([&](auto column) SIGNUM_INLINE {
              Vector& sum = sums[(place - column + kSize) % kSize][v];
              sum = Of::MultiplyAdd(x, weights[row * kSize + column][v], sum);
            });
          });
          rows[row] += steps[row];
        });
        if (first + place < kSize - 1) return;
        Unrolled<kVectors>([&](auto v) SIGNUM_INLINE {
          Store<kSome>(to + v * Of::kLanes, some, sums[(place + 1) % kSize][v]);
        });
        to += stride;
      });
    }
  }

  const DepthwiseProblem<float, float>& problem_;
  int64_t block_;         // its first channel
  int64_t width_;         // its channels
  const float* weights_;  // [taps][width_]
};

}  // namespace signum::kernels

#endif  // SIGNUM_KERNELS_DEPTHWISE_F32_VECTOR_TILES_H_
