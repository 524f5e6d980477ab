#include "quant/range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "quant/arithmetic.h"

namespace signum::quant {
namespace {

using ::testing::ElementsAre;

TEST(ChooseQuantizationParams, IsFbgemms) {
  const auto u8 = [](float low, float high) {
    return ChooseQuantizationParams({low, high}, 0, 255, false);
  };
  EXPECT_EQ(u8(-1, 3), (AffineParameters{0.01568627544f, 64}));
  EXPECT_EQ(u8(-1, 1), (AffineParameters{0.00784313772f, 127}));
  EXPECT_EQ(u8(0, 6).zero_point, 0);
  EXPECT_EQ(u8(-4, -1), (AffineParameters{0.01568627544f, 255}));
  EXPECT_EQ(u8(0, 0).scale, 0.1f);
  EXPECT_EQ(ChooseQuantizationParams({-1, 3}, -128, 127, true),
            (AffineParameters{0.02362204716f, 0}));
}

TEST(ChooseQuantizationParams, GivesNormalScalesAndCodesForAnyRange) {
  for (float high : {0.0f, 1e-45f, 1e-38f, 1.0f, 3e38f}) {
    for (float low : {-3e38f, -1.0f, -1e-40f, 0.0f}) {
      if (high - low > std::numeric_limits<float>::max()) continue;
      const AffineParameters p = ChooseQuantizationParams({low, high}, 0, 15, false);
      EXPECT_TRUE(std::isnormal(p.scale)) << low << " to " << high;
      EXPECT_GE(p.zero_point, 0);
      EXPECT_LE(p.zero_point, 15);
    }
  }
}

TEST(ChooseQuantizationParams, EveryValueOfTheRangeIsWithinHalfAStep) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> end(-4, 4);
  for (int round = 0; round < 1000; ++round) {
    const float a = end(random), b = end(random);
    const Range range{std::min(a, b), std::max(a, b)};
    const AffineParameters p = ChooseQuantizationParams(range, 0, 255, false);
    for (float share : {0.0f, 0.3f, 1.0f}) {
      const float x = range.low + share * (range.high - range.low);
      const float kept =
          DequantizeValue(QuantizeValue(x, p.scale, p.zero_point, 8), p.scale, p.zero_point);
      // At the ends the zero-point's rounding adds as much again.
      EXPECT_LE(std::fabs(kept - x), 1.01f * p.scale) << range.low << " to " << range.high;
    }
  }
}

TEST(Histogram, CountsInBinsThatHoldZero) {
  Histogram histogram({1, 4}, 4);
  EXPECT_EQ(histogram.range(), (Range{0, 4}));
  histogram.Add(std::vector<float>{0, 0.5f, 1, 3.999f, 4, 5, -1});
  EXPECT_THAT(histogram.counts(), ElementsAre(3, 1, 0, 3));
  EXPECT_EQ(histogram.Edge(1), 1.0f);
  Histogram nothing({0, 0}, 4);
  nothing.Add(std::vector<float>{0, 0});
  EXPECT_THAT(nothing.counts(), ElementsAre(2, 0, 0, 0));
}

Histogram SixteenBins() {
  return Histogram({-1, 3}, {1, 0, 2, 10, 60, 120, 90, 40, 10, 4, 1, 0, 0, 0, 0, 2});
}

TEST(LeastNormRange, IsDnnlowps) {
  const NormSearch found = LeastNormRange(SixteenBins(), 2, false);
  EXPECT_EQ(found.range, (Range{-0.25f, 1.5f}));
  EXPECT_NEAR(found.norm, 11.272786, 1e-6);
  const AffineParameters p = ChooseQuantizationParams(found.range, 0, 3, false);
  EXPECT_FLOAT_EQ(p.scale, .58333331f);
  EXPECT_EQ(p.zero_point, 0);
}

// The definition, bin by bin and cell by cell.
NormSearch SlowSearch(const Histogram& histogram, int bits, bool symmetric) {
  const int bins = histogram.bins(), cells = 1 << bits;
  const double unit = histogram.bin_width();
  const auto integral = [](double begin, double end) {
    return (end * end * end - begin * begin * begin) / 3;
  };
  NormSearch best{{}, std::numeric_limits<double>::infinity()};
  for (int width = 1; width <= bins; ++width) {
    for (int start = -bins; start <= bins; ++start) {
      const int zero = static_cast<int>(std::lround(-histogram.range().low / unit));
      const bool centered = histogram.range().low == 0 ? start == 0 : start == zero - width / 2;
      if (symmetric ? !centered : start < 0 || start + width > bins) continue;
      const double cell = unit * width / cells;
      double norm = 0;
      for (int bin = 0; bin < bins; ++bin) {
        const double begin = (bin - start) * unit, end = begin + unit;
        for (int i = 0; i < cells; ++i) {
          const double from = i == 0 ? begin : std::max(begin, i * cell);
          const double to = i == cells - 1 ? end : std::min(end, (i + 1) * cell);
          const double center = (i + 0.5) * cell;
          if (from < to) {
            norm += histogram.counts()[bin] / unit * integral(from - center, to - center);
          }
        }
      }
      if (norm < best.norm - 1e-9) {
        const double low = histogram.range().low + unit * start;
        best = {{static_cast<float>(low), static_cast<float>(low + unit * width)}, norm};
      }
    }
  }
  return best;
}

TEST(LeastNormRange, IsTheBestOfAllRanges) {
  std::mt19937 random(2);
  for (int round = 0; round < 60; ++round) {
    std::vector<int64_t> counts(12 + round % 7);
    for (auto& count : counts) count = static_cast<int64_t>(std::exp(random() % 8));
    const float low = round % 3 == 0 ? 0.0f : -static_cast<float>(random() % 20) / 8;
    const Histogram histogram({low, 2}, counts);
    for (int bits : {1, 2, 3}) {
      for (bool symmetric : {false, true}) {
        const NormSearch fast = LeastNormRange(histogram, bits, symmetric);
        const NormSearch slow = SlowSearch(histogram, bits, symmetric);
        EXPECT_NEAR(fast.norm, slow.norm, 1e-6);
        EXPECT_FLOAT_EQ(fast.range.low, slow.range.low) << round << " " << bits << symmetric;
        EXPECT_FLOAT_EQ(fast.range.high, slow.range.high) << round << " " << bits << symmetric;
      }
    }
  }
}

TEST(PercentileRange, LeavesOutTheTails) {
  const Histogram histogram = SixteenBins();  // 340 values
  EXPECT_EQ(PercentileRange(histogram, 100), histogram.range());
  EXPECT_EQ(PercentileRange(histogram, 99), (Range{-0.25f, 1.5f}));
  // Zero stays inside, whatever the share.
  EXPECT_EQ(PercentileRange(Histogram({0, 4}, {0, 0, 1, 9}), 51), (Range{0, 4}));
  EXPECT_EQ(PercentileRange(Histogram({-1, 1}, 8), 99), (Range{-1, 1}));
}

TEST(ParseRangeMethod, NamesWhatThereIs) {
  for (const std::string& name : RangeMethodNames()) {
    EXPECT_EQ(RangeMethodName(ParseRangeMethod(name).value()), name);
  }
  EXPECT_THAT(ParseRangeMethod("kl").error().message, testing::HasSubstr("percentile"));
}

TEST(QuantizeWeights, TakesItsScaleFromARange) {
  // Many small weights and one large: with 2 bits (codes -1 to 1) clipping pays.
  std::vector<float> weights(1000);
  for (size_t i = 0; i < weights.size(); ++i) weights[i] = (i % 2 == 0 ? 0.1f : -0.1f);
  weights[7] = 1;
  const auto scale = [&](RangeMethod method) {
    return QuantizeWeights(weights, 1, 2, true, {.method = method, .percentile = 99}).scales[0];
  };
  EXPECT_EQ(scale(RangeMethod::kMinMax), 1.0f);
  EXPECT_NEAR(scale(RangeMethod::kPercentile), 0.1f, 2e-3);
  EXPECT_LT(scale(RangeMethod::kL2), 0.5f);
  EXPECT_GT(
      QuantizeWeights(std::vector<float>(4), 1, 8, true, {.method = RangeMethod::kL2}).scales[0],
      0);
}

}  // namespace
}  // namespace signum::quant
