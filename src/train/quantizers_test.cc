#include "train/quantizers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quant/arithmetic.h"
#include "train/testing/tensor_values.h"

namespace signum::train {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::FloatNear;
using ::testing::Pointwise;

// Random values with many exact ties of the rounding among them.
torch::Tensor Samples(std::vector<int64_t> shape, float scale) {
  torch::manual_seed(7);
  torch::Tensor x = torch::randn(shape) * scale * 60;
  return torch::where(torch::rand(shape) < 0.3, torch::round(x / scale) * scale + scale / 2, x);
}

TEST(FakeQuantize, IsTheDefinitionForEveryBitWidth) {
  for (int bits = 2; bits <= 8; ++bits) {
    for (int zero_point : {0, 1 << (bits - 1), 1}) {
      const float scale = 0.037f * static_cast<float>(bits);
      const torch::Tensor x = Samples({3, 5, 7, 9}, scale);
      const std::vector<float> y =
          Values(FakeQuantize(x, torch::full({1}, scale), zero_point, bits));
      const std::vector<float> inputs = Values(x);
      for (size_t i = 0; i < y.size(); ++i) {
        const int code = quant::QuantizeValue(inputs[i], scale, zero_point, bits);
        ASSERT_EQ(y[i], quant::DequantizeValue(code, scale, zero_point)) << inputs[i];
      }
    }
  }
}

TEST(FakeQuantize, LsqGivesThePapersExample) {
  // 2 bits unsigned, s = 0.5; the factor is 1 / sqrt(5 features * 3).
  torch::Tensor x = torch::tensor({{-.2f, .3f, .74f, 1.1f, 2.f}}).requires_grad_();
  torch::Tensor scale = torch::full({1}, 0.5f).requires_grad_();
  const torch::Tensor y = FakeQuantize(x, scale, 0, 2);
  EXPECT_THAT(Values(y), ElementsAre(0, .5f, .5f, 1, 1.5f));
  y.sum().backward();
  EXPECT_THAT(Values(x.grad()), ElementsAre(0, 1, 1, 1, 0));
  EXPECT_NEAR(scale.grad().item<float>() * std::sqrt(15.0), 2.72, 1e-4);
}

TEST(FakeQuantize, FusedAndPlainPathsAgree) {
  const torch::Tensor all = Samples({4, 6, 8, 20}, 0.1f);
  const torch::Tensor weights = torch::randn({4, 6, 8, 10});
  const auto run = [&](torch::Tensor x) {
    x.set_requires_grad(true);
    x.retain_grad();
    torch::Tensor scale = torch::full({1}, 0.1f).requires_grad_();
    const torch::Tensor y = FakeQuantize(x, scale, 8, 4);
    (y * weights).sum().backward();
    return std::tuple{Values(y), Values(x.grad()), scale.grad().item<float>()};
  };
  // Every other column is not dense, so it takes the plain path.
  using torch::indexing::Slice;
  const torch::Tensor sparse = all.index({"...", Slice(0, 20, 2)});
  ASSERT_FALSE(sparse.is_non_overlapping_and_dense());
  const auto [y, dx, ds] = run(sparse.contiguous(torch::MemoryFormat::ChannelsLast).detach());
  const auto [plain_y, plain_dx, plain_ds] = run(sparse.detach());
  EXPECT_THAT(y, ElementsAreArray(plain_y));
  EXPECT_THAT(dx, ElementsAreArray(plain_dx));
  EXPECT_NEAR(ds, plain_ds, 1e-4 * std::abs(plain_ds) + 1e-5);
}

TEST(FakeQuantize, ScaleGradientDoesNotDependOnTheThreads) {
  const torch::Tensor x = Samples({8, 16, 32, 32}, 0.1f);
  std::vector<float> gradients;
  const int before = at::get_num_threads();
  for (int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    torch::Tensor scale = torch::full({1}, 0.1f).requires_grad_();
    FakeQuantize(x, scale, 128, 8).square().sum().backward();
    gradients.push_back(scale.grad().item<float>());
  }
  at::set_num_threads(before);
  EXPECT_EQ(gradients[0], gradients[1]);
  EXPECT_EQ(gradients[0], gradients[2]);
}

TEST(FakeSign, ComparesWithTheShift) {
  torch::Tensor x = torch::tensor({{0.5f, 1.5f}, {0.2f, -3.f}}).requires_grad_();
  torch::Tensor shift = torch::tensor({0.5f, 1.f}).requires_grad_();
  torch::Tensor scale = torch::full({1}, 2.f).requires_grad_();
  const torch::Tensor y = FakeSign(x, scale, shift);
  EXPECT_THAT(Values(y), ElementsAre(2, 2, -2, -2));
  y.sum().backward();
  EXPECT_THAT(Values(x.grad()), ElementsAre(1, 1, 1, 0));
  EXPECT_THAT(Values(shift.grad()), ElementsAre(-2, -1));
  EXPECT_EQ(scale.grad().item<float>(), 0);
}

TEST(FakeSign, FusedAndPlainAgree) {
  const torch::Tensor all = Samples({3, 5, 6, 40}, 0.3f);
  using torch::indexing::Slice;
  const torch::Tensor sparse = all.index({"...", Slice(0, 40, 2)});
  ASSERT_FALSE(sparse.is_non_overlapping_and_dense());
  const torch::Tensor weights = torch::rand({3, 5, 6, 20});
  for (const SignGradient kind : {SignGradient::kStraightThrough, SignGradient::kBiReal}) {
    for (const bool shifted : {false, true}) {
      const auto run = [&](torch::Tensor x) {
        x = x.detach().requires_grad_();
        torch::Tensor scale = torch::full({1}, .7f).requires_grad_();
        torch::Tensor shift;
        if (shifted) shift = torch::tensor({.1f, -.1f, 0.f, .2f, .3f}).requires_grad_();
        const torch::Tensor y = FakeSign(x, scale, shift, kind);
        (y * weights).sum().backward();
        return std::tuple{Values(y), Values(x.grad()), scale.grad().item<float>(),
                          shifted ? Values(shift.grad()) : std::vector<float>()};
      };
      const auto [y, dx, ds, db] = run(sparse.contiguous(torch::MemoryFormat::ChannelsLast));
      const auto [plain_y, plain_dx, plain_ds, plain_db] = run(sparse);
      EXPECT_THAT(y, ElementsAreArray(plain_y));
      EXPECT_THAT(dx, ::testing::Pointwise(::testing::FloatNear(1e-6), plain_dx));
      EXPECT_NEAR(ds, plain_ds, 1e-4);
      EXPECT_THAT(db, ::testing::Pointwise(::testing::FloatNear(1e-4), plain_db));
    }
  }
}

TEST(BinaryWeight, IsTheDefinitionAndPassesTheGradient) {
  torch::Tensor latent = torch::tensor({.5f, -.25f, .75f, -1.5f, 0.f, -1.f, 2.f, 3.f})
                             .reshape({2, 4, 1, 1})
                             .requires_grad_();
  for (bool per_channel : {true, false}) {
    const quant::QuantizedWeight expected =
        quant::QuantizeWeights(Values(latent), 2, 1, per_channel);
    const torch::Tensor bits = HysteresisBits(latent, latent, torch::zeros({1}));
    const torch::Tensor y = BinaryWeight(latent, bits, per_channel, true);
    const std::vector<float> values = Values(y);
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(values[i], expected.scales[per_channel ? i / 4 : 0] * expected.codes[i]);
    }
  }
  const torch::Tensor bits = HysteresisBits(latent, latent, torch::zeros({1})).detach();
  BinaryWeight(latent, bits, true, true).sum().backward();
  EXPECT_THAT(Values(latent.grad()), ElementsAre(1, 1, 1, 0, 1, 0, 0, 0));
  latent.mutable_grad().reset();
  BinaryWeight(latent, bits, true, false).sum().backward();
  EXPECT_THAT(Values(latent.grad()), ::testing::Each(1));
}

TEST(HysteresisBits, IsTheDefinition) {
  torch::manual_seed(3);
  torch::Tensor bits = torch::ones({64});
  std::vector<int> expected(64, 1);
  for (int step = 0; step < 50; ++step) {
    const torch::Tensor latent = torch::randn({64}) * 0.1;
    const float theta = step < 25 ? 0.1f : 0.0f;
    bits = HysteresisBits(bits, latent, torch::full({1}, theta));
    const std::vector<float> latents = Values(latent), now = Values(bits);
    for (size_t i = 0; i < latents.size(); ++i) {
      expected[i] = quant::HysteresisBit(expected[i], latents[i], theta);
      ASSERT_EQ(now[i], expected[i]);
    }
  }
}

TEST(SymmetricWeight, IsTheDefinition) {
  torch::manual_seed(5);
  torch::Tensor weight = torch::randn({6, 3, 3, 3}).requires_grad_();
  for (int bits = 2; bits <= 8; ++bits) {
    for (bool per_channel : {true, false}) {
      const quant::QuantizedWeight expected =
          quant::QuantizeWeights(Values(weight), 6, bits, per_channel);
      std::vector<float> wanted;
      for (size_t i = 0; i < expected.codes.size(); ++i) {
        wanted.push_back(expected.scales[per_channel ? i / 27 : 0] * expected.codes[i]);
      }
      EXPECT_THAT(Values(SymmetricWeight(weight, bits, per_channel)), ElementsAreArray(wanted));
    }
  }
}

}  // namespace
}  // namespace signum::train
