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

TEST(OnnxRoundTrip, KeepsQuantizedNetworks) {
  for (const uint32_t seed : {1, 2, 3}) {
    for (const OnnxForm form : {OnnxForm::kQdq, OnnxForm::kQonnx}) {
      SCOPED_TRACE(form == OnnxForm::kQdq ? "QDQ" : "QONNX");
      ExpectSame(runtime::QuantizedNetwork(seed), form);
      ExpectSame(runtime::AffineNetwork(seed), form);
    }
  }
}

}  // namespace
}  // namespace signum::onnx
