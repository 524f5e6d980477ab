// Codes and weights as 16 bits, whose products are added in 32.
#include <arm_neon.h>

#include <algorithm>
#include <cstring>

#include "kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "kernels/depthwise_u8s8/tiles.h"
#include "kernels/unrolled.h"

namespace signum::kernels {
namespace {

using Problem = DepthwiseProblem<uint8_t, int32_t>;

constexpr int64_t kBlock = 16;  // channels at a time
constexpr int kQuarters = 4;    // vectors of sums for them

size_t PackedBytes(int64_t channels, const DepthwiseWindow& window) {
  const int64_t blocks = (channels + kBlock - 1) / kBlock;
  return static_cast<size_t>(blocks * window.taps() * kBlock) * sizeof(int16_t);
}

// [blocks of 16 channels][taps][channels], 16-bit.
void Pack(const int8_t* weights, int64_t channels, const DepthwiseWindow& window,
          std::byte* packed) {
  for (int64_t block = 0; block < channels; block += kBlock) {
    for (int64_t tap = 0; tap < window.taps(); ++tap) {
      for (int64_t channel = block; channel < block + kBlock; ++channel) {
        const int16_t weight = channel < channels ? weights[tap * channels + channel] : int16_t{0};
        std::memcpy(packed, &weight, sizeof weight);
        packed += sizeof weight;
      }
    }
  }
}

// Adds init and stores the sums of up to 16 channels.
SIGNUM_INLINE inline void Store(const Problem& problem, int64_t pixel, int64_t channel,
                                const int32x4_t* sums) {
  int32_t* to = problem.sums + pixel * problem.stride + channel;
  const int32_t* init = problem.init + channel;
  const int64_t width = std::min(kBlock, problem.channels - channel);
  Unrolled<kQuarters>([&](auto q) SIGNUM_INLINE {
    if (width >= 4 * q + 4) {
      vst1q_s32(to + 4 * q, vaddq_s32(sums[q], vld1q_s32(init + 4 * q)));
    } else {
      int32_t lanes[4];
      vst1q_s32(lanes, sums[q]);
      for (int64_t i = 4 * q; i < width; ++i) to[i] = lanes[i - 4 * q] + init[i];
    }
  });
}

// Sums of kPixels pixels from `pixel` on, of up to 16 channels from `channel` on.
struct Tiles {
  static constexpr int64_t kWidth = kBlock;
  static constexpr int kMostPixels = 4;

  template <int kPixels>
  static void Tile(const Problem& problem, int64_t pixel, int64_t channel) {
    const auto* weights =
        reinterpret_cast<const int16_t*>(problem.packed + PackedBytes(channel, problem.window));
    int32x4_t sums[kPixels][kQuarters];
    Unrolled<kPixels>([&](auto p) SIGNUM_INLINE {
      Unrolled<kQuarters>([&](auto q) SIGNUM_INLINE { sums[p][q] = vdupq_n_s32(0); });
    });
    for (int64_t t = 0; t < problem.window.taps(); ++t, weights += kBlock) {
      const int64_t step = problem.taps[t].step;
      const uint8_t* values = problem.taps[t].first + pixel * step + channel;
      const int16x8_t w0 = vld1q_s16(weights);
      const int16x8_t w1 = vld1q_s16(weights + 8);
      Unrolled<kPixels>([&](auto p) SIGNUM_INLINE {
        const uint8x16_t x = vld1q_u8(values);
        const int16x8_t x0 = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(x)));
        const int16x8_t x1 = vreinterpretq_s16_u16(vmovl_high_u8(x));
        sums[p][0] = vmlal_s16(sums[p][0], vget_low_s16(x0), vget_low_s16(w0));
        sums[p][1] = vmlal_high_s16(sums[p][1], x0, w0);
        sums[p][2] = vmlal_s16(sums[p][2], vget_low_s16(x1), vget_low_s16(w1));
        sums[p][3] = vmlal_high_s16(sums[p][3], x1, w1);
        values += step;
      });
    }
    Unrolled<kPixels>([&](auto p) SIGNUM_INLINE { Store(problem, pixel + p, channel, sums[p]); });
  }
};

}  // namespace

constexpr DepthwiseU8S8Kernel kDepthwiseU8S8Arm64Neon = {"depthwise_u8s8_arm64_neon", Isa::kNeon,
                                                         PackedBytes, Pack, RunTiles<Tiles>};

}  // namespace signum::kernels
