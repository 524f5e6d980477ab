// Two taps at a time as 16-bit pairs, whose products vpmaddwd adds.
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "kernels/depthwise_u8s8/tiles.h"
#include "kernels/tiles_x86_avx2.h"
#include "kernels/unrolled.h"

namespace signum::kernels {
namespace {

using Problem = DepthwiseProblem<uint8_t, int32_t>;

constexpr int64_t kBlock = 16;  // channels at a time
constexpr int kTogether = 2;    // taps

int64_t Pairs(const DepthwiseWindow& window) { return (window.taps() + 1) / kTogether; }

size_t PackedBytes(int64_t channels, const DepthwiseWindow& window) {
  const int64_t blocks = (channels + kBlock - 1) / kBlock;
  return static_cast<size_t>(blocks * Pairs(window) * kTogether * kBlock) * sizeof(int16_t);
}

// [blocks of 16 channels][pairs][channels][2 taps], 16-bit.
void Pack(const int8_t* weights, int64_t channels, const DepthwiseWindow& window,
          std::byte* packed) {
  for (int64_t block = 0; block < channels; block += kBlock) {
    for (int64_t pair = 0; pair < Pairs(window); ++pair) {
      for (int64_t i = 0; i < kBlock * kTogether; ++i) {
        const int64_t channel = block + i / kTogether;
        const int64_t tap = pair * kTogether + i % kTogether;
        const bool real = channel < channels && tap < window.taps();
        const int16_t weight = real ? weights[tap * channels + channel] : int16_t{0};
        std::memcpy(packed, &weight, sizeof weight);
        packed += sizeof weight;
      }
    }
  }
}

// Adds init and stores the sums of up to 16 channels.
template <int kPixels>
SIGNUM_INLINE inline void Store(const Problem& problem, int64_t pixel, int64_t channel,
                                const __m256i (&sums)[kPixels][kHalves]) {
  int32_t* const to = problem.sums + pixel * problem.stride + channel;
  const int64_t stride = problem.stride;
  Unrolled<kHalves>([&](auto h) SIGNUM_INLINE {
    const int64_t first = channel + 8 * h;
    if (first >= problem.channels) return;
    const __m256i mask = LaneMask(problem.channels - first);
    const __m256i init = _mm256_maskload_epi32(problem.init + first, mask);
    Unrolled<kPixels>([&](auto p) SIGNUM_INLINE {
      _mm256_maskstore_epi32(to + p * stride + 8 * h, mask, _mm256_add_epi32(sums[p][h], init));
    });
  });
}

// Sums of kPixels pixels from `pixel` on, of up to 16 channels from `channel` on.
struct Tiles {
  static constexpr int64_t kWidth = kBlock;
  static constexpr int kMostPixels = 4;

  template <int kPixels>
  static void Tile(const Problem& problem, int64_t pixel, int64_t channel) {
    const int64_t taps = problem.window.taps();
    const auto* weights =
        reinterpret_cast<const uint8_t*>(problem.packed) + PackedBytes(channel, problem.window);
    __m256i sums[kPixels][kHalves];
    Unrolled<kPixels>([&](auto p)
                          SIGNUM_INLINE { sums[p][0] = sums[p][1] = _mm256_setzero_si256(); });
    for (int64_t t = 0; t < taps; t += kTogether, weights += 2 * sizeof(__m256i)) {
      const auto& a = problem.taps[t];
      const auto& b = problem.taps[std::min(t + 1, taps - 1)];  // with a weight of 0 if not there
      const __m256i w0 = Load(weights);
      const __m256i w1 = Load(weights + sizeof(__m256i));
      const uint8_t* at_a = a.first + pixel * a.step + channel;
      const uint8_t* at_b = b.first + pixel * b.step + channel;
      Unrolled<kPixels>([&](auto p) SIGNUM_INLINE {
        const __m128i x = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at_a));
        const __m128i y = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at_b));
        const __m256i low = _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(x, y));
        const __m256i high = _mm256_cvtepu8_epi16(_mm_unpackhi_epi8(x, y));
        sums[p][0] = _mm256_add_epi32(sums[p][0], _mm256_madd_epi16(low, w0));
        sums[p][1] = _mm256_add_epi32(sums[p][1], _mm256_madd_epi16(high, w1));
        at_a += a.step;
        at_b += b.step;
      });
    }
    Store<kPixels>(problem, pixel, channel, sums);
  }
};

}  // namespace

constexpr DepthwiseU8S8Kernel kDepthwiseU8S8X86Avx2 = {"depthwise_u8s8_x86_avx2", Isa::kAvx2,
                                                       PackedBytes, Pack, RunTiles<Tiles>};

}  // namespace signum::kernels
