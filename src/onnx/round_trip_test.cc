// Quantized networks exported in either form and imported again: the same operators, so
// that every layer still runs on integers, and the same numbers.
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <vector>

#include "graph/passes/snap_biases.h"
#include "onnx/export.h"
#include "onnx/import.h"
#include "runtime/testing/quantized_network.h"
#include "runtime/testing/run_program.h"

namespace signum::onnx {
namespace {

using ::testing::ElementsAreArray;

std::vector<std::string> SortedOps(const Graph& graph) {
  std::vector<std::string> ops;
  for (const Node& node : graph.nodes()) {
    std::string op = OpName(node.op);
    if (const auto* quantize = std::get_if<QuantizeOp>(&node.op)) {
      op += fmt::format(" of {} bits from {}{}", quantize->bits, quantize->zero_point,
                        node.Find("shift") == nullptr ? "" : " with a shift");
    }
    const Tensor* weight = node.Find("weight");
    if (weight != nullptr && weight->type() == DataType::kInt8) {
      const WeightQuantizer& quantizer = *WeightQuantizerOf(node.op);
      op += fmt::format(" with codes{}", quantizer.bits == 1 ? " of 1 bit" : "");
    }
    ops.push_back(std::move(op));
  }
  std::sort(ops.begin(), ops.end());
  return ops;
}

void ExpectSame(runtime::RandomGraph random, OnnxForm form) {
  const Graph graph = form == OnnxForm::kQdq ? SnapBiases(random.graph()) : random.graph();
  const auto bytes = ExportOnnx(graph, {.form = form});
  ASSERT_TRUE(bytes.has_value()) << bytes.error().message;
  const std::span<const uint8_t> view(reinterpret_cast<const uint8_t*>(bytes->data()),
                                      bytes->size());
  const auto imported = ImportOnnx(view, {});
  ASSERT_TRUE(imported.has_value()) << imported.error().message;
  EXPECT_THAT(SortedOps(imported->graph), ElementsAreArray(SortedOps(graph)));
  const std::vector<float> images = random.Images(2);
  const runtime::RunOptions options{.isa = Isa::kScalar, .threads = 1, .max_batch = 2};
  EXPECT_EQ(runtime::RunGraph(imported->graph, images, 2, options),
            runtime::RunGraph(graph, images, 2, options));
}

// Shortcuts that keep codes of 8 bits, which 1-bit quantizers read, as the policy's
// residual_bits make them; the first between floats that are never negative.
runtime::RandomGraph NetworkWithCodesInShortcuts(uint32_t seed) {
  runtime::RandomGraph g(Shape{1, 3, 12, 10}, seed);
  const auto conv = [&](NodeId in, int bits) {
    ConvolutionOp op;
    op.output_channels = 16;
    op.window = {{3, 3}, {1, 1}, {1, 1}, Padding::All(1)};
    op.bias = false;
    op.weight_quantizer = WeightQuantizer{bits, true};
    return g.BatchNorm(g.Convolution(in, op));
  };
  const NodeId image = g.Quantize(g.input(), 8, 0, 0.0039f);
  const NodeId stem = g.Activation(conv(image, 8), ActivationKind::kRelu);
  const NodeId kept = g.Quantize(stem, 8, 0, 0.021f);
  const NodeId sum = g.Add(AddOp{}, {conv(g.Quantize(kept, 1, 0, 0.37f, true), 1), kept});
  const NodeId kept_sum = g.Quantize(sum, 8, 128, 0.043f);
  const NodeId end = g.Add(AddOp{}, {conv(g.Quantize(kept_sum, 1, 0, 0.41f, true), 1), kept_sum});
  const NodeId pooled = g.Add(GlobalAveragePoolOp{}, {g.Quantize(end, 8, 128, 0.05f)});
  g.Linear(g.Quantize(g.Add(FlattenOp{}, {pooled}), 8, 128, 0.03f), 10, WeightQuantizer{8, true});
  return g;
}

TEST(OnnxRoundTrip, KeepsQuantizedNetworks) {
  for (const uint32_t seed : {1, 2, 3}) {
    for (const OnnxForm form : {OnnxForm::kQdq, OnnxForm::kQonnx}) {
      SCOPED_TRACE(form == OnnxForm::kQdq ? "QDQ" : "QONNX");
      ExpectSame(runtime::QuantizedNetwork(seed), form);
      ExpectSame(runtime::AffineNetwork(seed), form);
      ExpectSame(NetworkWithCodesInShortcuts(seed), form);
    }
  }
}

}  // namespace
}  // namespace signum::onnx
