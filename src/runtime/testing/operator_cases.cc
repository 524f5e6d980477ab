#include "runtime/testing/operator_cases.h"

#include <array>
#include <map>
#include <utility>

namespace signum::runtime {
namespace {

ConvolutionOp Conv(int64_t channels, std::array<int, 2> kernel, std::array<int, 2> stride,
                   Padding padding, std::array<int, 2> dilation = {1, 1}, int groups = 1,
                   bool bias = true) {
  ConvolutionOp op;
  op.output_channels = channels;
  op.window = {kernel, stride, dilation, padding};
  op.groups = groups;
  op.bias = bias;
  return op;
}

// A value of `shape` that is not the input itself, computed from it.
NodeId Reshaped(RandomGraph& g, std::vector<int64_t> shape) {
  return g.Add(ReshapeOp{std::move(shape)}, {g.input()});
}

std::vector<OperatorCase> ConvolutionCases() {
  const auto conv = [](std::string name, Shape input, ConvolutionOp op) {
    return OperatorCase{std::move(name), std::move(input),
                        [op](RandomGraph& g) { g.Convolution(g.input(), op); }};
  };
  return {
      conv("Conv3x3", {1, 3, 9, 7}, Conv(5, {3, 3}, {1, 1}, Padding::All(1))),
      conv("Conv3x3Stride2", {1, 16, 9, 8}, Conv(17, {3, 3}, {2, 2}, Padding::All(1))),
      conv("Conv1x1", {1, 33, 5, 5}, Conv(40, {1, 1}, {1, 1}, {})),
      conv("Conv1x1Stride2", {1, 8, 5, 6}, Conv(4, {1, 1}, {2, 2}, {})),
      conv("Conv5x2AsymmetricPadding", {1, 4, 6, 5}, Conv(6, {5, 2}, {1, 2}, {3, 0, 1, 2})),
      conv("ConvDilated", {1, 6, 11, 12}, Conv(7, {3, 3}, {1, 2}, Padding::All(2), {2, 3})),
      conv("ConvGroups", {1, 12, 6, 6}, Conv(18, {3, 3}, {1, 1}, Padding::All(1), {1, 1}, 3)),
      conv("ConvDepthwise", {1, 10, 8, 7}, Conv(10, {3, 3}, {2, 1}, Padding::All(1), {1, 1}, 10)),
      conv("ConvDepthwise3x3", {1, 70, 6, 9},
           Conv(70, {3, 3}, {1, 1}, Padding::All(1), {1, 1}, 70)),
      conv("ConvDepthwise5x5", {1, 33, 9, 8},
           Conv(33, {5, 5}, {1, 1}, Padding::All(2), {1, 1}, 33)),
      conv("ConvDepthwiseDilated", {1, 20, 9, 8},
           Conv(20, {3, 2}, {1, 3}, {2, 0, 1, 3}, {2, 3}, 20)),
      conv("ConvDepthwiseTwice", {1, 5, 6, 6}, Conv(10, {3, 3}, {1, 1}, {}, {1, 1}, 5)),
      conv("ConvKernelLargerThanMap", {1, 3, 2, 3}, Conv(4, {7, 5}, {1, 1}, Padding::All(3))),
      conv("ConvFullGroups1x1", {1, 8, 4, 4}, Conv(8, {1, 1}, {1, 1}, {}, {1, 1}, 2, false)),
  };
}

std::vector<OperatorCase> ActivationCases() {
  std::vector<OperatorCase> cases;
  const char* names[] = {"Relu",    "Relu6", "HardTanh",  "Tanh",
                         "Sigmoid", "Swish", "HardSwish", "Sign"};
  for (int kind = 0; kind < 8; ++kind) {
    cases.push_back(
        {names[kind], {1, 3, 5, 7}, [kind](RandomGraph& g) {
           // Larger than 6 and beyond.
           const NodeId wide = g.Convolution(g.input(), Conv(9, {3, 3}, {1, 1}, Padding::All(1)));
           const NodeId sum = g.Add(AddOp{}, {wide, wide});
           const NodeId more = g.Add(AddOp{}, {sum, sum});
           g.Activation(more, static_cast<ActivationKind>(kind));
         }});
  }
  cases.push_back({"PRelu", {1, 6, 5, 4}, [](RandomGraph& g) { g.PRelu(g.input()); }});
  cases.push_back({"PReluRank3", {1, 6, 5, 4}, [](RandomGraph& g) {
                     g.PRelu(Reshaped(g, {0, 6, 20}));
                   }});
  cases.push_back({"PReluOneSlope", {1, 6, 5, 4}, [](RandomGraph& g) {
                     g.Add(PReluOp{}, {g.input()}, {{"weight", Tensor::Filled({1}, 0.25f)}});
                   }});
  cases.push_back({"BatchNorm", {1, 6, 5, 4}, [](RandomGraph& g) { g.BatchNorm(g.input()); }});
  cases.push_back({"BatchNormRank2", {1, 30}, [](RandomGraph& g) { g.BatchNorm(g.input()); }});
  cases.push_back({"BatchNormRank3", {1, 6, 5, 4}, [](RandomGraph& g) {
                     g.BatchNorm(Reshaped(g, {0, 6, 20}));
                   }});
  cases.push_back({"Normalize", {1, 3, 5, 4}, [](RandomGraph& g) {
                     g.Add(NormalizeOp{{0.4f, 0.5f, 0.6f}, {0.2f, 0.3f, 0.25f}}, {g.input()});
                   }});
  cases.push_back({"NormalizeLater", {1, 3, 5, 4}, [](RandomGraph& g) {
                     const NodeId relu = g.Activation(g.input(), ActivationKind::kTanh);
                     g.Add(NormalizeOp{{0.4f, 0.5f, 0.6f}, {0.2f, 0.3f, 0.25f}}, {relu});
                   }});
  cases.push_back(
      {"SoftmaxChannels", {1, 6, 3, 4}, [](RandomGraph& g) { g.Add(SoftmaxOp{1}, {g.input()}); }});
  cases.push_back(
      {"SoftmaxWidth", {1, 6, 3, 4}, [](RandomGraph& g) { g.Add(SoftmaxOp{3}, {g.input()}); }});
  cases.push_back(
      {"SoftmaxRank2", {1, 100}, [](RandomGraph& g) { g.Add(SoftmaxOp{1}, {g.input()}); }});
  return cases;
}

std::vector<OperatorCase> PoolCases() {
  const auto window = [](std::array<int, 2> kernel, std::array<int, 2> stride, Padding padding,
                         std::array<int, 2> dilation = {1, 1}) {
    return Window{kernel, stride, dilation, padding};
  };
  const auto max_pool = [](std::string name, Shape input, Window w) {
    return OperatorCase{std::move(name), std::move(input),
                        [w](RandomGraph& g) { g.Add(MaxPoolOp{w}, {g.input()}); }};
  };
  const auto mean_pool = [](std::string name, Shape input, Window w, bool count_padding) {
    return OperatorCase{std::move(name), std::move(input), [w, count_padding](RandomGraph& g) {
                          g.Add(AveragePoolOp{w, count_padding}, {g.input()});
                        }};
  };
  return {
      max_pool("MaxPool2x2", {1, 5, 6, 8}, window({2, 2}, {2, 2}, {})),
      max_pool("MaxPool3x3", {1, 5, 7, 9}, window({3, 3}, {2, 2}, Padding::All(1))),
      max_pool("MaxPoolDilated", {1, 5, 7, 9}, window({2, 3}, {1, 2}, {1, 2, 0, 1}, {2, 3})),
      max_pool("MaxPoolSubsample", {1, 5, 7, 8}, window({1, 1}, {2, 2}, {})),
      mean_pool("AveragePool2x2", {1, 5, 6, 8}, window({2, 2}, {2, 2}, {}), true),
      mean_pool("AveragePoolCounted", {1, 5, 7, 8}, window({3, 3}, {2, 2}, {1, 1, 0, 1}), true),
      mean_pool("AveragePoolInside", {1, 5, 7, 8}, window({3, 3}, {2, 2}, {1, 1, 0, 1}), false),
      {"GlobalAveragePool",
       {1, 20, 7, 8},
       [](RandomGraph& g) { g.Add(GlobalAveragePoolOp{}, {g.input()}); }},
  };
}

std::vector<OperatorCase> ReshapeCases() {
  return {
      {"Flatten", {1, 3, 4, 5}, [](RandomGraph& g) { g.Add(FlattenOp{}, {g.input()}); }},
      {"FlattenLinear",
       {1, 3, 4, 5},
       [](RandomGraph& g) { g.Linear(g.Add(FlattenOp{}, {g.input()}), 70); }},
      {"LinearNoBias", {1, 130}, [](RandomGraph& g) { g.Linear(g.input(), 3, {}, false); }},
      {"ReshapeRank3",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         Reshaped(g, {0, 12, -1});
       }},
      {"ReshapeRank4",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         Reshaped(g, {-1, 5, 4, 3});
       }},
      {"ReshapeFromRows",
       {1, 60},
       [](RandomGraph& g) {
         Reshaped(g, {0, 3, 4, 5});
       }},
      {"ReshapeTwice",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(ReshapeOp{{0, 3, 4, 5}}, {Reshaped(g, {0, 60})});
       }},
  };
}

std::vector<OperatorCase> MoveCases() {
  return {
      {"PadMaps",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(PadOp{{0, 2, 1, 0}, {0, 1, 0, 3}, 0.5f}, {g.input()});
       }},
      {"PadCrops",
       {1, 4, 4, 5},
       [](RandomGraph& g) {
         g.Add(PadOp{{0, -1, 1, -2}, {0, 0, -2, 3}, 0.0f}, {g.input()});
       }},
      {"PadRank2",
       {1, 9},
       [](RandomGraph& g) {
         g.Add(PadOp{{0, 2}, {0, -1}, -1.0f}, {g.input()});
       }},
      {"ConcatChannels",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         const NodeId other = g.Convolution(g.input(), Conv(7, {1, 1}, {1, 1}, {}));
         g.Add(ConcatOp{1}, {g.input(), other, g.input()});
       }},
      {"ConcatHeight",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         const NodeId other = g.Add(MaxPoolOp{Window{{2, 1}, {1, 1}, {1, 1}, {}}}, {g.input()});
         g.Add(ConcatOp{2}, {other, g.input()});
       }},
      {"ConcatRows",
       {1, 12},
       [](RandomGraph& g) {
         g.Add(ConcatOp{1}, {g.Linear(g.input(), 5), g.input()});
       }},
      {"Nearest",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(UpsampleOp{3, UpsampleMode::kNearest}, {g.input()});
       }},
      {"Bilinear",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(UpsampleOp{2, UpsampleMode::kBilinear}, {g.input()});
       }},
      {"BilinearThrice",
       {1, 3, 4, 1},
       [](RandomGraph& g) {
         g.Add(UpsampleOp{3, UpsampleMode::kBilinear}, {g.input()});
       }},
      {"Dropout", {1, 3, 4, 5}, [](RandomGraph& g) { g.Add(DropoutOp{}, {g.input()}); }},
  };
}

std::vector<OperatorCase> BinaryCases() {
  return {
      {"AddSame",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(AddOp{}, {g.input(), g.input()});
       }},
      {"AddTwo",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(AddOp{}, {g.Activation(g.input(), ActivationKind::kTanh), g.input()});
       }},
      {"MultiplyGate",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         const NodeId pool = g.Add(GlobalAveragePoolOp{}, {g.input()});
         const NodeId gate = g.Activation(pool, ActivationKind::kSigmoid);
         g.Add(MultiplyOp{}, {g.input(), gate});
       }},
      {"MultiplyBothBroadcast",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         const NodeId column = g.Add(MaxPoolOp{Window{{1, 5}, {1, 1}, {1, 1}, {}}}, {g.input()});
         const NodeId row = g.Add(MaxPoolOp{Window{{4, 1}, {1, 1}, {1, 1}, {}}}, {g.input()});
         g.Add(MultiplyOp{}, {column, row});
       }},
      {"AddBroadcastChannels",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(AddOp{}, {g.Convolution(g.input(), Conv(1, {1, 1}, {1, 1}, {})), g.input()});
       }},
      {"AddRank3",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         const NodeId a = Reshaped(g, {0, 12, 5});
         g.Add(AddOp{}, {a, g.Activation(a, ActivationKind::kRelu)});
       }},
  };
}

// A constant of the case's own numbers.
NodeId Constant(RandomGraph& g, const Shape& shape) {
  return g.Add(ConstantOp{shape}, {}, {{"value", Tensor(shape, g.Floats(shape.elements(), 1.0f))}});
}

std::vector<OperatorCase> ConstantCases() {
  return {
      {"SubtractConstant",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(SubtractOp{}, {g.input(), Constant(g, {1, 3, 4, 1})});
       }},
      {"SubtractFromConstant",
       {1, 12},
       [](RandomGraph& g) {
         g.Add(SubtractOp{}, {Constant(g, {1, 12}), g.input()});
       }},
      {"DivideByPositive",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         const NodeId below = g.Activation(g.input(), ActivationKind::kSigmoid);
         g.Add(DivideOp{}, {Constant(g, {1, 1, 1, 5}), below});
       }},
      {"ConcatConstant",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(ConcatOp{1}, {g.input(), Constant(g, {1, 2, 4, 5})});
       }},
      {"Clamp",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(ClampOp{-0.25f, 0.5f}, {g.input()});
       }},
  };
}

std::vector<OperatorCase> ProductCases() {
  return {
      {"MatMulRank3",
       {1, 6, 5},
       [](RandomGraph& g) {
         g.Add(MatMulOp{}, {g.input(), g.Add(TransposeOp{{0, 2, 1}}, {g.input()})});
       }},
      {"MatMulRank4",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(MatMulOp{}, {g.input(), g.Add(TransposeOp{{0, 1, 3, 2}}, {g.input()})});
       }},
      {"MatMulBroadcast",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(MatMulOp{}, {Constant(g, {1, 1, 7, 4}), g.input()});
       }},
      {"MatMulColumn",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(MatMulOp{}, {g.input(), Constant(g, {1, 3, 5, 1})});
       }},
      {"ReduceMeanMaps",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(ReduceMeanOp{{2, 3}, true}, {g.input()});
       }},
      {"ReduceMeanDrops",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(ReduceMeanOp{{1, 3}, false}, {g.input()});
       }},
      {"ReduceMeanRank2",
       {1, 9},
       [](RandomGraph& g) {
         g.Add(ReduceMeanOp{{1}, false}, {g.input()});
       }},
      {"TransposeMaps",
       {1, 3, 4, 5},
       [](RandomGraph& g) {
         g.Add(TransposeOp{{0, 3, 1, 2}}, {g.input()});
       }},
      {"TransposeRank5",
       {1, 12, 5},
       [](RandomGraph& g) {
         g.Add(TransposeOp{{0, 4, 2, 1, 3}}, {Reshaped(g, {0, 3, 4, 5, 1})});
       }},
  };
}

std::vector<OperatorCase> ConvTransposeCases() {
  const auto conv = [](std::string name, Shape input, ConvTransposeOp op) {
    return OperatorCase{std::move(name), std::move(input), [op](RandomGraph& g) {
                          const int64_t in = g.shape(g.input())[1];
                          const Shape weight{in, op.output_channels / op.groups,
                                             op.window.kernel[0], op.window.kernel[1]};
                          std::map<std::string, Tensor> parameters{
                              {"weight", Tensor(weight, g.Floats(weight.elements(), 0.5f))}};
                          const Shape bias{op.output_channels};
                          if (op.bias) parameters["bias"] = Tensor(bias, g.Floats(bias[0], 0.5f));
                          g.Add(op, {g.input()}, std::move(parameters));
                        }};
  };
  return {
      conv("ConvTranspose2x2", {1, 3, 4, 5},
           {.output_channels = 6, .window = {{2, 2}, {2, 2}, {1, 1}, {}}}),
      conv("ConvTransposeGroups", {1, 6, 4, 3},
           {.output_channels = 4,
            .window = {{3, 2}, {2, 3}, {1, 2}, {1, 0, 1, 1}},
            .output_padding = {1, 2},
            .groups = 2,
            .bias = false}),
      conv(
          "ConvTransposeDepthwise", {1, 5, 3, 3},
          {.output_channels = 5, .window = {{4, 4}, {2, 2}, {1, 1}, Padding::All(1)}, .groups = 5}),
  };
}

// Blocks as networks have them: what is fused, and what only looks as if it were.
std::vector<OperatorCase> BlockCases() {
  const ConvolutionOp conv = Conv(6, {3, 3}, {1, 1}, Padding::All(1), {1, 1}, 1, false);
  return {
      {"ConvNormRelu",
       {1, 6, 5, 5},
       [=](RandomGraph& g) {
         g.Activation(g.BatchNorm(g.Convolution(g.input(), conv)), ActivationKind::kRelu);
       }},
      {"ResidualBlock",
       {1, 6, 5, 5},
       [=](RandomGraph& g) {
         const NodeId a = g.BatchNorm(g.Convolution(g.input(), conv));
         const NodeId b = g.BatchNorm(g.Convolution(g.input(), conv));
         g.Activation(g.Add(AddOp{}, {a, b}), ActivationKind::kRelu);
       }},
      {"ResidualOnTheLeft",
       {1, 6, 5, 5},
       [=](RandomGraph& g) {
         const NodeId a = g.BatchNorm(g.Convolution(g.input(), conv));
         g.Activation(g.Add(AddOp{}, {g.input(), a}), ActivationKind::kRelu6);
       }},
  };
}

std::vector<OperatorCase> OtherBlockCases() {
  const ConvolutionOp conv = Conv(6, {3, 3}, {1, 1}, Padding::All(1), {1, 1}, 1, false);
  return {
      {"TwoReadersOfTheConv",
       {1, 6, 5, 5},
       [=](RandomGraph& g) {
         const NodeId a = g.Convolution(g.input(), conv);
         g.Add(AddOp{}, {g.BatchNorm(a), g.Activation(a, ActivationKind::kRelu)});
       }},
      {"ConvAddedToItself",
       {1, 6, 5, 5},
       [=](RandomGraph& g) {
         const NodeId a = g.Convolution(g.input(), conv);
         g.Add(AddOp{}, {a, a});
       }},
      {"ReluThenNorm",
       {1, 6, 5, 5},
       [=](RandomGraph& g) {
         g.BatchNorm(g.Activation(g.Convolution(g.input(), conv), ActivationKind::kRelu));
       }},
      {"ClampTwice",
       {1, 6, 5, 5},
       [=](RandomGraph& g) {
         const NodeId relu = g.Activation(g.Convolution(g.input(), conv), ActivationKind::kRelu);
         g.Activation(relu, ActivationKind::kHardTanh);
       }},
      {"LinearNormRelu",
       {1, 40},
       [](RandomGraph& g) {
         g.Activation(g.BatchNorm(g.Linear(g.input(), 20)), ActivationKind::kRelu);
       }},
      {"SqueezeAndExcite",
       {1, 6, 5, 5},
       [=](RandomGraph& g) {
         const NodeId a = g.Activation(g.Convolution(g.input(), conv), ActivationKind::kSwish);
         const NodeId pool = g.Add(GlobalAveragePoolOp{}, {a});
         const NodeId less =
             g.Activation(g.Convolution(pool, Conv(2, {1, 1}, {1, 1}, {})), ActivationKind::kRelu);
         const NodeId gate = g.Activation(g.Convolution(less, Conv(6, {1, 1}, {1, 1}, {})),
                                          ActivationKind::kSigmoid);
         g.Convolution(g.Add(MultiplyOp{}, {a, gate}), conv);
       }},
  };
}

}  // namespace

std::vector<OperatorCase> OperatorCases() {
  std::vector<OperatorCase> all;
  for (auto cases : {ConvolutionCases(), ActivationCases(), PoolCases(), ReshapeCases(),
                     MoveCases(), BinaryCases(), ConstantCases(), ProductCases(),
                     ConvTransposeCases(), BlockCases(), OtherBlockCases()}) {
    all.insert(all.end(), cases.begin(), cases.end());
  }
  return all;
}

}  // namespace signum::runtime
