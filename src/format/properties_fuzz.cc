#include "format/properties_fuzz.h"

#include <utility>
#include <vector>

#include "base/check.h"
#include "format/accumulator_bounds.h"
#include "format/sgn.h"
#include "format/sgn_wire.h"
#include "format/state_dict.h"

namespace signum::format {
namespace {

Tensor Ones(Shape shape) {
  std::vector<float> values(static_cast<size_t>(shape.elements()), 1.0f);
  return Tensor(std::move(shape), std::move(values));
}

}  // namespace

void CheckMessage(const Error& error, size_t most_bytes) {
  SIGNUM_CHECK(!error.message.empty() && error.message.size() < most_bytes);
  SIGNUM_CHECK(IsText(error.message, false));
}

void CheckReadGraph(const Graph& graph) {
  SIGNUM_CHECK(Verify(graph).has_value());
  SIGNUM_CHECK(CheckAccumulators(graph).has_value());
  SIGNUM_CHECK(CheckLimits(graph).has_value());
  const std::vector<uint8_t> bytes = SerializeSgn(graph);
  const Result<Graph> again = ParseSgn(bytes);
  SIGNUM_CHECK(again.has_value());
  SIGNUM_CHECK(*again == graph);
  SIGNUM_CHECK(SerializeSgn(*again) == bytes);
}

void CheckTensors(const TensorFile& file) {
  for (const StoredTensor& tensor : file.tensors) {
    SIGNUM_CHECK(CheckKey(tensor.key).has_value());
    SIGNUM_CHECK(CheckView(tensor.sizes, tensor.strides, 0,
                           static_cast<int64_t>(tensor.data.size()) / tensor.type.bytes)
                     .has_value());
    for (const bool codes : {false, true}) {
      const Result<Tensor> values = codes ? ToCodes(tensor) : ToFloats(tensor);
      if (!values) CheckMessage(values.error());
      SIGNUM_CHECK(!values || values->shape().sizes() == tensor.sizes);
    }
  }
}

Graph ImportNetwork() {
  Graph graph;
  graph.name = "small";
  ConvolutionOp three{.output_channels = 2, .bias = false}, one = three;
  three.window.kernel = {3, 3};
  three.window.padding = Padding::All(1);
  one.window.kernel = {1, 1};
  graph.Add("input", InputOp{{1, 1, 4, 4}}, {});
  graph.Add("conv1", three, {0}, {{"weight", Ones({2, 1, 3, 3})}});
  graph.Add("bn1", BatchNormOp{}, {1},
            {{"weight", Ones({2})},
             {"bias", Ones({2})},
             {"running_mean", Ones({2})},
             {"running_var", Ones({2})}});
  graph.Add("layer1.0.shortcut.0", one, {0}, {{"weight", Ones({2, 1, 1, 1})}});
  graph.Add("add", AddOp{}, {2, 3});
  graph.Add("pool", GlobalAveragePoolOp{}, {4});
  graph.Add("flatten", FlattenOp{}, {5});
  graph.Add("linear", LinearOp{3}, {6}, {{"weight", Ones({3, 2})}, {"bias", Ones({3})}});
  return graph;
}

void CheckImport(const TensorFile& file) {
  Graph graph = ImportNetwork();
  for (const bool lax : {false, true}) {
    const StateDictMatch match = MatchStateDict(graph, file);
    const Status assigned =
        AssignStateDict(match, {.allow_missing = lax, .allow_unexpected = lax}, graph);
    if (!assigned) {
      CheckMessage(assigned.error());
    } else if (Verify(graph)) {
      CheckReadGraph(graph);
    }
  }
}

}  // namespace signum::format
