// VNNI adds four products of bytes at a time, so four taps are interleaved by channel. A
// vector holds a tap of 64 channels of one pixel, or of 32 of two, or of 16 of four, so that
// few channels fill it as well; the pixels of a vector come from segments of the run, in
// which all go ahead together.
//
// Where windows slide, the taps of a column are interleaved once and meet the weights of all
// columns, in as many sums as the window has columns.
#include <immintrin.h>

#include <algorithm>

#include "kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "kernels/unrolled.h"

namespace signum::kernels {
namespace {

using Problem = DepthwiseProblem<uint8_t, int32_t>;
using Tap = DepthwiseTap<uint8_t>;

constexpr int kTogether = 4;  // taps whose products are added at once
constexpr int kParts = 4;     // vectors of sums to one of values
constexpr int64_t kGroupBytes = kParts * int64_t{sizeof(__m512i)};

// Windows that the kernel slides; it takes others tap by tap.
bool Slides(const DepthwiseWindow& window) {
  return window.slides && window.rows == window.columns && (window.rows == 3 || window.rows == 5);
}

// Groups of taps that are interleaved: kTogether next to each other in a column where the
// kernel slides, else in the order of all. The last of a column or of all may have fewer.
struct Groups {
  explicit Groups(const DepthwiseWindow& window)
      : columns(Slides(window) ? window.columns : 1),
        length(window.taps() / columns),
        per_column((length + kTogether - 1) / kTogether) {}

  int64_t count() const { return columns * per_column; }
  // Tap t of group g, or -1.
  int64_t Tap(int64_t g, int t) const {
    const int64_t row = g % per_column * kTogether + t;
    return row < length ? row * columns + g / per_column : -1;
  }

  int64_t columns, length, per_column;
};

size_t PackedBytes(int64_t channels, const DepthwiseWindow& window) {
  const int64_t blocks = (channels + kDepthwiseBlock - 1) / kDepthwiseBlock;
  return static_cast<size_t>(blocks * Groups(window).count() * kGroupBytes);
}

// Vectors of sums that a pixel has when `channels` are left.
int PixelVectors(int64_t channels) { return channels > 32 ? 4 : channels > 16 ? 2 : 1; }

// [blocks][groups][parts][4 lanes][4 channels][4 taps]: what Interleave makes of values.
void Pack(const int8_t* weights, int64_t channels, const DepthwiseWindow& window,
          std::byte* packed) {
  const Groups groups(window);
  auto* to = reinterpret_cast<int8_t*>(packed);
  for (int64_t block = 0; block < channels; block += kDepthwiseBlock) {
    const int vectors = PixelVectors(channels - block);
    for (int64_t g = 0; g < groups.count(); ++g) {
      for (int i = 0; i < kParts * 16; ++i) {
        const int64_t channel = block + i / 4 % vectors * 16 + i / 16 * 4 + i % 4;
        for (int t = 0; t < kTogether; ++t) {
          const int64_t tap = groups.Tap(g, t);
          const bool real = channel < channels && tap >= 0;
          *to++ = real ? weights[tap * channels + channel] : int8_t{0};
        }
      }
    }
  }
}

// kCount taps of the same channels to bytes [channel][tap]: lane L of part q has channels 4q
// to 4q + 3 of the taps' lane L.
template <int kCount>
inline void Interleave(const __m512i* taps, __m512i* parts) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i second = kCount > 1 ? taps[1] : zero;
  const __m512i low01 = _mm512_unpacklo_epi8(taps[0], second);
  const __m512i high01 = _mm512_unpackhi_epi8(taps[0], second);
  __m512i low23 = zero, high23 = zero;
  if constexpr (kCount > 2) {
    const __m512i fourth = kCount > 3 ? taps[3] : zero;
    low23 = _mm512_unpacklo_epi8(taps[2], fourth);
    high23 = _mm512_unpackhi_epi8(taps[2], fourth);
  }
  parts[0] = _mm512_unpacklo_epi16(low01, low23);
  parts[1] = _mm512_unpackhi_epi16(low01, low23);
  parts[2] = _mm512_unpacklo_epi16(high01, high23);
  parts[3] = _mm512_unpackhi_epi16(high01, high23);
}

// From parts to lanes of channels that follow each other, and back: a transposition of lanes.
SIGNUM_INLINE inline void TransposeLanes(const __m512i* from, __m512i* to) {
  const __m512i a = _mm512_shuffle_i32x4(from[0], from[1], 0x44);
  const __m512i b = _mm512_shuffle_i32x4(from[2], from[3], 0x44);
  const __m512i c = _mm512_shuffle_i32x4(from[0], from[1], 0xee);
  const __m512i d = _mm512_shuffle_i32x4(from[2], from[3], 0xee);
  to[0] = _mm512_shuffle_i32x4(a, b, 0x88);
  to[1] = _mm512_shuffle_i32x4(a, b, 0xdd);
  to[2] = _mm512_shuffle_i32x4(c, d, 0x88);
  to[3] = _mm512_shuffle_i32x4(c, d, 0xdd);
}

// One block of channels of a run. kVectors: of sums that a pixel has.
template <int kVectors>
class Block {
 public:
  Block(const Problem& problem, int64_t channel)
      : window_(problem.window),
        taps_(problem.taps),
        pixels_(problem.pixels),
        channel_(channel),
        width_(std::min(kDepthwiseBlock, problem.channels - channel)),
        weights_(problem.packed + PackedBytes(channel, problem.window)),
        init_(problem.init + channel),
        sums_(problem.sums + channel),
        stride_(problem.stride),
        length_((problem.pixels + kSegments - 1) / kSegments) {
    for (int s = 0; s < kSegments; ++s) {
      starts_[s] = std::min(s * length_, pixels_ - length_);
    }
  }

  void Run() const {
    if (Slides(window_)) {
      if (window_.rows == 3) return pixels_ > 1 ? Slide<3>() : Alone<3>();
      return pixels_ > 1 ? Slide<5>() : Alone<5>();
    }
    int64_t i = 0;
    for (; i + 4 <= length_; i += 4) Pixels<4>(i);
    if (i + 2 <= length_) Pixels<2>(i), i += 2;
    if (i < length_) Pixels<1>(i);
  }

 private:
  static constexpr int kSegments = 4 / kVectors;

  // A tap of one pixel of every segment.
  struct Pointers {
    const uint8_t* at[kSegments];
    int64_t step;

    void Advance() {
      for (const uint8_t*& pointer : at) pointer += step;
    }
    __m512i Load() const {
      if constexpr (kVectors == 4) {
        return _mm512_loadu_si512(at[0]);
      } else if constexpr (kVectors == 2) {
        const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at[0]));
        const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at[1]));
        return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
      } else {
        const auto lane = [&](int s) {
          return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at[s]));
        };
        __m512i x = _mm512_castsi128_si512(lane(0));
        x = _mm512_mask_broadcast_i32x4(x, 0x00f0, lane(1));
        x = _mm512_mask_broadcast_i32x4(x, 0x0f00, lane(2));
        return _mm512_mask_broadcast_i32x4(x, 0xf000, lane(3));
      }
    }
  };
  Pointers PointersTo(int64_t tap, int64_t i) const {
    Pointers pointers;
    pointers.step = taps_[tap].step;
    for (int s = 0; s < kSegments; ++s) {
      pointers.at[s] = taps_[tap].first + (starts_[s] + i) * pointers.step + channel_;
    }
    return pointers;
  }

  // Sums of one pixel of every segment.
  struct Sums {
    __m512i parts[kParts];
  };

  SIGNUM_INLINE static void AddProducts(const __m512i* parts, const std::byte* weights,
                                        Sums& sums) {
    Unrolled<kParts>([&](auto q) SIGNUM_INLINE {
      const __m512i w = _mm512_loadu_si512(weights + q * sizeof(__m512i));
      sums.parts[q] = _mm512_dpbusd_epi32(sums.parts[q], parts[q], w);
    });
  }

  // What sums start at.
  Sums Init() const {
    __m512i lanes[4];
    Unrolled<4>([&](auto lane) SIGNUM_INLINE {
      const int64_t first = lane % kVectors * 16;
      lanes[lane] = _mm512_maskz_loadu_epi32(Mask(first), init_ + first);
    });
    Sums sums;
    TransposeLanes(lanes, sums.parts);
    return sums;
  }

  // Of 16 channels from `first` on, those that there are.
  __mmask16 Mask(int64_t first) const {
    const int64_t count = std::clamp<int64_t>(width_ - first, 0, 16);
    return static_cast<__mmask16>((1u << count) - 1);
  }

  // Where the sums of one pixel of every segment go.
  struct Outputs {
    int32_t* at[kSegments];
    int64_t stride;
    bool full;  // no channel is missing
    __mmask16 masks[kVectors];

    void Advance() {
      for (int32_t*& pointer : at) pointer += stride;
    }
    SIGNUM_INLINE void Store(const Sums& sums) const {
      __m512i lanes[4];
      TransposeLanes(sums.parts, lanes);
      if (full) {
        Unrolled<4>([&](auto lane) SIGNUM_INLINE {
          _mm512_storeu_si512(at[lane / kVectors] + lane % kVectors * 16, lanes[lane]);
        });
      } else {
        Unrolled<4>([&](auto lane) SIGNUM_INLINE {
          _mm512_mask_storeu_epi32(at[lane / kVectors] + lane % kVectors * 16,
                                   masks[lane % kVectors], lanes[lane]);
        });
      }
    }
  };
  Outputs OutputsOf(int64_t i) const {
    Outputs outputs;
    for (int s = 0; s < kSegments; ++s) outputs.at[s] = sums_ + (starts_[s] + i) * stride_;
    outputs.stride = stride_;
    outputs.full = width_ == kVectors * 16;
    for (int v = 0; v < kVectors; ++v) outputs.masks[v] = Mask(v * 16);
    return outputs;
  }

  // Pixels i to i + kPixels - 1 of every segment, tap by tap.
  template <int kPixels>
  void Pixels(int64_t i) const {
    const Sums init = Init();
    Sums sums[kPixels];
    Unrolled<kPixels>([&](auto p) SIGNUM_INLINE { sums[p] = init; });
    const std::byte* weights = weights_;
    const int64_t taps = window_.taps();
    int64_t tap = 0;
    for (; tap + kTogether <= taps; tap += kTogether, weights += kGroupBytes) {
      AddTaps<kTogether, kPixels>(tap, i, weights, sums);
    }
    switch (taps - tap) {
      case 3: AddTaps<3, kPixels>(tap, i, weights, sums); break;
      case 2: AddTaps<2, kPixels>(tap, i, weights, sums); break;
      case 1: AddTaps<1, kPixels>(tap, i, weights, sums); break;
    }
    Outputs outputs = OutputsOf(i);
    Unrolled<kPixels>([&](auto p) SIGNUM_INLINE {
      outputs.Store(sums[p]);
      outputs.Advance();
    });
  }

  template <int kCount, int kPixels>
  SIGNUM_INLINE void AddTaps(int64_t tap, int64_t i, const std::byte* weights, Sums* sums) const {
    Pointers pointers[kCount];
    Unrolled<kCount>([&](auto t) SIGNUM_INLINE { pointers[t] = PointersTo(tap + t, i); });
    Unrolled<kPixels>([&](auto p) SIGNUM_INLINE {
      __m512i x[kCount], parts[kParts];
      Unrolled<kCount>([&](auto t) SIGNUM_INLINE {
        x[t] = pointers[t].Load();
        pointers[t].Advance();
      });
      Interleave<kCount>(x, parts);
      AddProducts(parts, weights, sums[p]);
    });
  }

  template <int kSize>
  static constexpr int kColumnGroups = (kSize + kTogether - 1) / kTogether;

  // Calls add(parts, group) for the groups of a column of kSize taps.
  template <int kSize, typename Add>
  SIGNUM_INLINE static void ForColumn(const Pointers* rows, const Add& add) {
    Unrolled<kColumnGroups<kSize>>([&](auto group) SIGNUM_INLINE {
      constexpr int kFirst = group * kTogether;
      constexpr int kCount = std::min(kSize - kFirst, kTogether);
      __m512i x[kCount], parts[kParts];
      Unrolled<kCount>([&](auto t) SIGNUM_INLINE { x[t] = rows[kFirst + t].Load(); });
      Interleave<kCount>(x, parts);
      add(parts, group);
    });
  }

  // A single pixel, whose window need not slide.
  template <int kSize>
  void Alone() const {
    Sums sums = Init();
    for (int column = 0; column < kSize; ++column) {
      Pointers rows[kSize];
      for (int row = 0; row < kSize; ++row) rows[row] = PointersTo(row * kSize + column, 0);
      ForColumn<kSize>(rows, [&](const __m512i* parts, int group) SIGNUM_INLINE {
        AddProducts(parts, weights_ + (column * kColumnGroups<kSize> + group) * kGroupBytes, sums);
      });
    }
    OutputsOf(0).Store(sums);
  }

  // Column i of every segment meets the windows of pixels i - kSize + 1 to i, the first of
  // which it completes. Pixel i's sums are in place i % kSize.
  template <int kSize>
  void Slide() const {
    const Sums init = Init();
    Sums sums[kSize];
    Unrolled<kSize>([&](auto place) SIGNUM_INLINE { sums[place] = init; });
    Pointers rows[kSize];
    Unrolled<kSize>([&](auto row) SIGNUM_INLINE { rows[row] = PointersTo(row * kSize, 0); });
    Outputs outputs = OutputsOf(0);
    const std::byte* const weights = weights_;
    const int64_t end = length_ + kSize - 1;
    for (int64_t first = 0; first < end; first += kSize) {
      Unrolled<kSize>([&](auto place) SIGNUM_INLINE {
        const int64_t i = first + place;
        if (i >= end) return;
        sums[place] = init;
        ForColumn<kSize>(rows, [&](const __m512i* parts, int group) SIGNUM_INLINE {
          Unrolled<kSize>([&](auto column) SIGNUM_INLINE {
            AddProducts(parts, weights + (column * kColumnGroups<kSize> + group) * kGroupBytes,
                        sums[(place - column + kSize) % kSize]);
          });
        });
        Unrolled<kSize>([&](auto row) SIGNUM_INLINE { rows[row].Advance(); });
        if (i < kSize - 1) return;
        outputs.Store(sums[(place + 1) % kSize]);
        outputs.Advance();
      });
    }
  }

  DepthwiseWindow window_;
  const Tap* taps_;
  int64_t pixels_;
  int64_t channel_;  // the first
  int64_t width_;    // channels
  const std::byte* weights_;
  const int32_t* init_;
  int32_t* sums_;
  int64_t stride_;
  int64_t length_;  // pixels of a segment
  int64_t starts_[kSegments];
};

void Run(const Problem& problem) {
  for (int64_t channel = 0; channel < problem.channels; channel += kDepthwiseBlock) {
    switch (PixelVectors(problem.channels - channel)) {
      case 4: Block<4>(problem, channel).Run(); break;
      case 2: Block<2>(problem, channel).Run(); break;
      default: Block<1>(problem, channel).Run();
    }
  }
}

}  // namespace

constexpr DepthwiseU8S8Kernel kDepthwiseU8S8X86Avx512 = {"depthwise_u8s8_x86_avx512", Isa::kAvx512,
                                                         PackedBytes, Pack, Run};

}  // namespace signum::kernels
