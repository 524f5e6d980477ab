#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <vector>

#include "kernels/max_pool/max_pool.h"
#include "kernels/testing/guarded_buffer.h"
#include "kernels/testing/kernel_list.h"

namespace signum::kernels {
namespace {

TEST(MaxPool, ListIsRankedAndSelectorSaysWhy) {
  CheckListAndSelector("max_pool", MaxPoolKernels(), SelectMaxPool);
}

// What `run` makes of the taps, of which there are `tap_count`, one behind the other.
template <typename T, typename Run>
std::vector<T> Compute(Run run, const std::vector<T>& taps, int64_t tap_count,
                       Flush flush = Flush::kEnd) {
  const auto count = static_cast<int64_t>(taps.size()) / tap_count;
  const GuardedBuffer<T> buffer{std::span<const T>(taps), flush};
  std::vector<const T*> pointers;
  for (int64_t t = 0; t < tap_count; ++t) pointers.push_back(buffer.data() + t * count);
  GuardedBuffer<T> out(static_cast<size_t>(count), flush);
  run(pointers.data(), tap_count, count, out.data());
  return {out.data(), out.data() + count};
}

template <typename T>
std::string BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

TEST(MaxPool, EveryKernelEqualsReferenceToTheBit) {
  std::mt19937 generator = SeededGenerator();
  constexpr float kSpecial[] = {0.0f, -0.0f, std::numeric_limits<float>::infinity(),
                                std::numeric_limits<float>::quiet_NaN(), -1e-40f};
  for (int64_t count = 1; count <= 200; ++count) {
    const int64_t taps = Uniform(generator, 1, 12);
    std::vector<float> floats(static_cast<size_t>(taps * count));
    std::vector<uint8_t> bytes(floats.size());
    for (float& x : floats) {
      x = Uniform(generator, 0, 2) == 0 ? kSpecial[Uniform(generator, 0, 4)]
                                        : std::normal_distribution<float>()(generator);
    }
    for (uint8_t& x : bytes) x = static_cast<uint8_t>(generator());
    ForEachRunnable(MaxPoolKernels(), [&](const MaxPoolKernel& kernel) {
      for (Flush flush : kBothEnds) {
        ASSERT_EQ(BytesOf(Compute(kernel.run_f32, floats, taps, flush)),
                  BytesOf(Compute(kMaxPoolReference.run_f32, floats, taps)));
        ASSERT_EQ(Compute(kernel.run_u8, bytes, taps, flush),
                  Compute(kMaxPoolReference.run_u8, bytes, taps));
        ASSERT_EQ(Compute(kernel.run_bits, bytes, taps, flush),
                  Compute(kMaxPoolReference.run_bits, bytes, taps));
      }
    });
  }
}

TEST(MaxPool, ReferenceByHand) {
  const std::vector<uint8_t> taps = {1, 7, 0x81, 2, 5, 0x18};
  EXPECT_EQ(Compute(kMaxPoolReference.run_u8, taps, 2), (std::vector<uint8_t>{2, 7, 0x81}));
  EXPECT_EQ(Compute(kMaxPoolReference.run_bits, taps, 2), (std::vector<uint8_t>{3, 7, 0x99}));
}

}  // namespace
}  // namespace signum::kernels
