#include "train/weight_methods.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "train/quantizers.h"
#include "train/sign_gradient.h"
#include "train/testing/tensor_values.h"

namespace signum::train {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::Pointwise;

using Method = std::unique_ptr<const WeightMethod>;

Method Make(const WeightQuantizer& quantizer, const QuantizationConfig& config) {
  return MakeWeightMethod(quantizer, config, /*has_codes=*/false);
}

LayerTensors Layer(const torch::Tensor& weight, const Method& method) {
  LayerTensors tensors{{"weight", weight.clone().requires_grad_()}};
  method->AddTensors(tensors);
  return tensors;
}

TEST(SignSlope, IsThatOfThePapers) {
  const torch::Tensor x = torch::tensor({-1.5f, -1.f, -.5f, 0.f, .25f, 1.f});
  EXPECT_THAT(Values(SignSlope(SignGradient::kStraightThrough, 0, x)),
              ElementsAre(0, 0, 1, 1, 1, 0));
  EXPECT_THAT(Values(SignSlope(SignGradient::kBiReal, 0, x)), ElementsAre(0, 0, 1, 2, 1.5f, 0));
  EXPECT_NEAR(EdeSlope({.t = 1, .k = 1}, torch::tensor({.5f})).item<float>(), .786448, 1e-6);
  const torch::Tensor far = torch::tensor({-1e30f, 1e30f});
  for (const char* name : kSignGradientNames) {
    EXPECT_THAT(Values(SignSlope(ParseSignGradient(name), 1, far)), Each(FloatNear(0, 1e-6)))
        << name;
  }
}

// The derivative of 2 sigmoid(bx) (1 + bx (1 - sigmoid(bx))) - 1, which SwishSign is.
TEST(SignSlope, OfSwishSignIsItsDerivative) {
  const torch::Tensor x = torch::linspace(-2, 2, 41, torch::kDouble).requires_grad_();
  const torch::Tensor s = torch::sigmoid(5 * x);
  (2 * s * (1 + 5 * x * (1 - s)) - 1).sum().backward();
  const torch::Tensor slope = SignSlope(SignGradient::kSwishSign, 0, x.detach());
  EXPECT_TRUE(torch::allclose(slope, x.grad(), 1e-9, 1e-12));
}

TEST(EdeAt, GrowsFromATenthToTen) {
  EXPECT_NEAR(EdeAt(0).t, .1, 1e-12);
  EXPECT_NEAR(EdeAt(0).k, 10, 1e-12);
  EXPECT_NEAR(EdeAt(.5).t, 1, 1e-12);
  EXPECT_NEAR(EdeAt(1).t, 10, 1e-12);
  EXPECT_NEAR(EdeAt(1).k, 1, 1e-12);
}

TEST(Xnor, GivesThePapersExample) {
  const Method method = Make({1, true}, {});
  const LayerTensors layer =
      Layer(torch::tensor({.5f, -.25f, .75f, -1.5f}).reshape({1, 4}), method);
  const WeightCodes codes = method->Codes(layer);
  EXPECT_THAT(Values(codes.scale), ElementsAre(.75f));
  EXPECT_THAT(Values(codes.codes), ElementsAre(1, -1, 1, -1));
  const torch::Tensor weight = method->Weight(layer, 0);
  EXPECT_THAT(Values(weight), ElementsAre(.75f, -.75f, .75f, -.75f));
  weight.sum().backward();
  EXPECT_THAT(Values(layer.at("weight").grad()), ElementsAre(1, 1, 1, 0));
}

TEST(IrNet, BalancesAndScalesByAPowerOfTwo) {
  const Method method = Make({1, true}, {.binary_method = "ir-net"});
  // Mean 2 and deviation 2: -1.5, -.5, .5, 1.5 over sqrt(1.25), whose mean magnitude is .894.
  const LayerTensors layer = Layer(torch::tensor({-1.f, 1.f, 3.f, 5.f}).reshape({1, 4}), method);
  const WeightCodes codes = method->Codes(layer);
  EXPECT_THAT(Values(codes.codes), ElementsAre(-1, -1, 1, 1));
  EXPECT_THAT(Values(codes.scale), ElementsAre(1));
  const torch::Tensor weight = method->Weight(layer, .5);
  EXPECT_THAT(Values(weight), ElementsAre(-1, -1, 1, 1));
  (weight * torch::tensor({1.f, 0.f, 0.f, 0.f})).sum().backward();
  const std::vector<float> gradient = Values(layer.at("weight").grad());
  // Neither a shift nor a factor of all weights changes anything.
  EXPECT_NEAR(gradient[0] + gradient[1] + gradient[2] + gradient[3], 0, 1e-6);
  EXPECT_NEAR(-gradient[0] + gradient[1] + 3 * gradient[2] + 5 * gradient[3], 0, 1e-6);
  EXPECT_GT(gradient[0], 0);
}

// A channel without deviation: of zeros, of one weight, of equal ones.
TEST(StandardizedWeights, GiveNumbersForConstantChannels) {
  for (const char* name : {"ir-net", "recu", "adabin"}) {
    SCOPED_TRACE(name);
    const Method method = Make({1, true}, {.binary_method = name});
    for (const torch::Tensor& weight :
         {torch::zeros({2, 4}), torch::full({2, 1}, .3f), torch::full({2, 9}, -.1f)}) {
      const LayerTensors layer = Layer(weight, method);
      method->Weight(layer, .5).square().sum().backward();
      EXPECT_TRUE(torch::isfinite(layer.at("weight").grad()).all().item<bool>()) << weight;
      const WeightCodes codes = method->Codes(layer);
      EXPECT_TRUE(torch::isfinite(codes.scale).all().item<bool>()) << weight;
      EXPECT_TRUE((codes.scale > 0).all().item<bool>()) << weight;
    }
  }
}

TEST(AdaBin, HasTwoValuesOfItsOwn) {
  const Method method = Make({1, true}, {.binary_method = "adabin"});
  // Mean 2, deviation sqrt(5).
  const LayerTensors layer = Layer(torch::tensor({-1.f, 1.f, 3.f, 5.f}).reshape({1, 4}), method);
  const WeightCodes codes = method->Codes(layer);
  EXPECT_THAT(Values(codes.codes), ElementsAre(-1, -1, 1, 1));
  EXPECT_THAT(Values(codes.scale), ElementsAre(FloatNear(std::sqrt(5.f), 1e-6)));
  EXPECT_THAT(Values(codes.offset), ElementsAre(2));
  const torch::Tensor weight = method->Weight(layer, .5);
  EXPECT_TRUE(torch::allclose(weight, codes.scale * codes.codes + codes.offset));
  // The derivatives of mean + b deviation where b' = slope of v: with g the gradient of weight i
  // alone, dm/dw = 1/4, dd/dw_j = v_j / 4, and dv_i/dw_j = (delta_ij - 1/4 - v_i v_j / 4) / d.
  const int i = 1;
  (weight * torch::tensor({0.f, 1.f, 0.f, 0.f})).sum().backward();
  const std::vector<float> gradient = Values(layer.at("weight").grad());
  const double d = std::sqrt(5.), v[] = {-3 / d, -1 / d, 1 / d, 3 / d};
  const double slope = EdeSlope(EdeAt(.5), torch::tensor({v[i]})).item<double>();
  for (int j = 0; j < 4; ++j) {
    const double through_bits = slope * ((i == j ? 1 : 0) - .25 - v[i] * v[j] / 4);
    EXPECT_NEAR(gradient[j], .25 - v[j] / 4 + through_bits, 1e-5) << j;
  }
}

TEST(FakeSign, PassesTheSlopeOfItsScale) {
  const auto gradient = [](SignGradient kind) {
    torch::Tensor x = torch::tensor({{.25f}}).requires_grad_();
    FakeSign(x, torch::full({1}, 3.f), {}, kind, .5).sum().backward();
    return x.grad().item<float>();
  };
  EXPECT_EQ(gradient(SignGradient::kStraightThrough), 1);
  EXPECT_EQ(gradient(SignGradient::kBiReal), 4.5f);
  EXPECT_NEAR(gradient(SignGradient::kEde), 3 * (1 - std::pow(std::tanh(.25), 2)), 1e-6);
}

TEST(Bop, GivesThePapersExample) {
  torch::Tensor bits = torch::ones({1}), mean = torch::zeros({1});
  std::vector<float> seen;
  for (const float gradient : {.4f, .4f, .4f, -1.5f, -1.5f}) {
    bits = BopStep(bits, torch::full({1}, gradient), mean, .1, .05);
    seen.push_back(bits.item<float>());
  }
  EXPECT_THAT(seen, ElementsAre(1, -1, -1, 1, 1));
}

TEST(Bop, FlipsBitsAndKeepsItsScale) {
  const Method method = Make({1, true}, {.binary_method = "bop", .bop_gamma = 1, .bop_tau = .2});
  EXPECT_FALSE(method->learns_latents());
  LayerTensors layer = Layer(torch::tensor({.5f, -.5f}).reshape({1, 2}), method);
  // Of the bits: .5 times these.
  (method->Weight(layer, 0) * torch::tensor({1.f, 1.f})).sum().backward();
  method->AfterStep(layer);
  const WeightCodes codes = method->Codes(layer);
  EXPECT_THAT(Values(codes.codes), ElementsAre(-1, -1));  // the second's gradient confirms it
  EXPECT_THAT(Values(codes.scale), ElementsAre(.5f));
  EXPECT_FALSE(layer.at("weight").grad().defined());
}

TEST(ReCu, BringsFarWeightsBack) {
  const Method method = Make({1, true}, {.binary_method = "recu"});
  // Mean 0, deviation 2, so v is half of it, with mean magnitude .75 (a power of two less).
  const LayerTensors layer =
      Layer(torch::tensor({-1.f, 1.f, -1.f, 1.f, -1.f, 1.f, -4.f, 4.f}).reshape({1, 8}) /
                std::sqrt(38.f / 8) * 2,
            method);
  const WeightCodes codes = method->Codes(layer);
  EXPECT_THAT(Values(codes.codes), ElementsAre(-1, 1, -1, 1, -1, 1, -1, 1));
  const float magnitude = 14.f / 8 / std::sqrt(38.f / 8);
  EXPECT_NEAR(codes.scale.item<float>(), magnitude, 1e-5);
  // .85 at the start: beyond -magnitude ln(.3), which is 1.2 of it, lie the last two, at 2.3.
  const torch::Tensor weight = method->Weight(layer, 0);
  EXPECT_THAT(Values(weight), Pointwise(FloatNear(1e-5), Values(codes.codes * codes.scale)));
  // No gradient reaches them but by the mean and the deviation, which they share with all.
  (weight * torch::tensor({0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 1.f})).sum().backward();
  const std::vector<float> far = Values(layer.at("weight").grad());
  for (float gradient : far) EXPECT_EQ(gradient, 0);
  // .99 at the end: -magnitude ln(.02) is 3.9 of it, and nothing is far.
  layer.at("weight").mutable_grad().reset();
  (method->Weight(layer, 1) * torch::tensor({0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 0.f, 1.f}))
      .sum()
      .backward();
  EXPECT_GT(layer.at("weight").grad()[0][7].item<float>(), .1f * magnitude);
}

TEST(DoReFa, GivesThePapersExample) {
  const torch::Tensor weight = torch::tensor({.1f, .5f, -1.f, 2.f}).reshape({1, 4});
  const auto unit = [&](int bits) {
    const Method method = Make({bits, true}, {.weight_method = "dorefa"});
    EXPECT_EQ(method->code_bits(), bits + 1);
    return Values(method->Codes(Layer(weight, method)).codes / DoReFaHighest(bits));
  };
  EXPECT_THAT(unit(2), Pointwise(FloatNear(1e-6), {.333333f, .333333f, -1.f, 1.f}));
  EXPECT_THAT(unit(4), Pointwise(FloatNear(1e-6), {.066667f, .466667f, -.733333f, 1.f}));
  const Method eight = Make({8, true}, {.weight_method = "dorefa"});
  EXPECT_EQ(eight->code_bits(), 8);
  const LayerTensors layer = Layer(weight, eight);
  EXPECT_THAT(Values(eight->Codes(layer).codes), ElementsAre(13, 61, -100, 127));
  // Scaled back to where tanh had them, with the gradient of tanh.
  EXPECT_NEAR(eight->Codes(layer).scale.item<float>(), std::tanh(2.f) / 127, 1e-7);
  eight->Weight(layer, 0).sum().backward();
  const float last = layer.at("weight").grad()[0][3].item<float>();
  EXPECT_NEAR(last, 1 - std::pow(std::tanh(2.0), 2), 1e-6);
}

TEST(Ternary, TakesWhatIsAboveSevenTenthsOfTheMean) {
  const Method method = Make({2, true}, {.weight_method = "ternary"});
  // The mean magnitude is 1, so .6 is not taken.
  const LayerTensors layer = Layer(torch::tensor({.6f, -.8f, 1.f, -1.6f}).reshape({1, 4}), method);
  const WeightCodes codes = method->Codes(layer);
  EXPECT_THAT(Values(codes.codes), ElementsAre(0, -1, 1, -1));
  EXPECT_NEAR(codes.scale.item<float>(), 3.4 / 3, 1e-6);
  method->Weight(layer, 0).sum().backward();
  EXPECT_THAT(Values(layer.at("weight").grad()), Each(1));
}

TEST(Pact, LearnsFromWhatIsClipped) {
  torch::Tensor x = torch::tensor({{-1.f, .4f, 1.6f, 2.6f, 3.5f}}).requires_grad_();
  torch::Tensor scale = torch::ones({1}).requires_grad_();  // alpha is 3
  const torch::Tensor y = FakeQuantize(x, scale, 0, 2, ValueMethod::kPact);
  EXPECT_THAT(Values(y), ElementsAre(0, 0, 2, 3, 3));
  y.sum().backward();
  EXPECT_THAT(Values(x.grad()), ElementsAre(0, 1, 1, 1, 0));
  // 1 for alpha, which is 3 scales; and a third of what moves alpha moves a scale.
  EXPECT_FLOAT_EQ(scale.grad().item<float>(), 1 / 3.0f);
}

TEST(LearnedStep, GradientsAreThoseOfTheDefinition) {
  const Method method = Make({3, true}, {.weight_method = "lsq"});
  LayerTensors layer =
      Layer(torch::tensor({.1f, -.6f, .25f, 2.f, 1.f, 1.f, 1.f, 1.f}).reshape({2, 4}), method);
  // 2 mean |w| / sqrt(3).
  EXPECT_NEAR(layer.at("step")[0].item<float>(), 2 * .7375 / std::sqrt(3), 1e-6);
  EXPECT_NEAR(layer.at("step")[1].item<float>(), 2 / std::sqrt(3), 1e-6);
  layer["step"] = torch::full({2, 1}, .5f).requires_grad_();
  const torch::Tensor weight = method->Weight(layer, 0);
  EXPECT_THAT(Values(weight), ElementsAre(0, -.5f, 0, 1.5f, 1, 1, 1, 1));
  EXPECT_THAT(Values(method->Codes(layer).codes), ElementsAre(0, -1, 0, 3, 2, 2, 2, 2));
  weight.sum().backward();
  EXPECT_THAT(Values(layer.at("weight").grad()), ElementsAre(1, 1, 1, 0, 1, 1, 1, 1));
  // -.2 + .2 - .5 + 3, and nothing; over sqrt(4 weights * 3).
  EXPECT_THAT(Values(layer.at("step").grad()),
              Pointwise(FloatNear(1e-5), {static_cast<float>(2.5 / std::sqrt(12)), 0.f}));
}

}  // namespace
}  // namespace signum::train
