// Cuts a model into what computes its quantized values, for tests that compare the
// codes inside of a network:
//   cut_model MODEL.sgn FOLDER [exact]
// writes FOLDER/0.sgn, 1.sgn, ... for the quantizers in order, each ending in one, and
// then the whole network; their biases as the ONNX export has them (SnapBiases). What
// the quantizer reads, less the shift of a 1-bit one, is in 0.float.sgn, 1.float.sgn, ...
// but where that is the input.
// Prints a line "NAME BITS SCALE" for each, "output 0 1" for the last. With `exact` all
// scales are first rounded to powers of two, so that floats compute without rounding.
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "format/sgn.h"
#include "graph/passes/snap_biases.h"

namespace {

using signum::Graph;
using signum::Node;
using signum::NodeId;

// What the value of `end` depends on.
Graph Until(const Graph& graph, NodeId end) {
  std::vector<bool> needed(static_cast<size_t>(end) + 1);
  needed[0] = needed[end] = true;
  for (NodeId id = end; id > 0; --id) {
    if (!needed[id]) continue;
    for (const NodeId input : graph.node(id).inputs) needed[input] = true;
  }
  Graph out;
  out.name = graph.name;
  std::vector<NodeId> moved(needed.size());
  for (NodeId id = 0; id <= end; ++id) {
    if (!needed[id]) continue;
    Node node = graph.node(id);
    for (NodeId& input : node.inputs) input = moved[input];
    moved[id] = out.Add(node.name, node.op, node.inputs, std::move(node.parameters));
  }
  return out;
}

void RoundScales(Graph& graph) {
  for (NodeId id = 0; id < graph.size(); ++id) {
    for (auto& [role, tensor] : graph.node(id).parameters) {
      if (role != "scale" && role != "weight_scale") continue;
      for (float& scale : tensor.floats()) scale = std::exp2(std::round(std::log2(scale)));
    }
  }
}

// What a quantizer compares with its borders.
Graph BeforeQuantizer(const Graph& graph, const Node& quantizer) {
  Graph out = Until(graph, quantizer.inputs[0]);
  const signum::Tensor* shift = quantizer.Find("shift");
  if (shift == nullptr) return out;
  const NodeId value = out.output();
  signum::Shape shape{1, shift->elements(), 1, 1};
  const auto shifts = shift->floats();
  const NodeId constant =
      out.Add("shift", signum::ConstantOp{shape}, {},
              {{"value", signum::Tensor(shape, std::vector<float>(shifts.begin(), shifts.end()))}});
  out.Add("shifted", signum::SubtractOp{}, {value, constant});
  return out;
}

signum::Status CutModel(const std::string& path, const std::string& folder, bool exact) {
  SIGNUM_ASSIGN_OR_RETURN(Graph read, signum::ReadSgn(path));
  if (exact) RoundScales(read);
  const Graph graph = signum::SnapBiases(read);
  int index = 0;
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    const auto* quantize = std::get_if<signum::QuantizeOp>(&node.op);
    if (quantize == nullptr && id != graph.output()) continue;
    const std::string file = folder + "/" + std::to_string(index++);
    SIGNUM_RETURN_IF_ERROR(signum::WriteSgn(Until(graph, id), file + ".sgn"));
    if (quantize != nullptr && node.inputs[0] != 0) {
      SIGNUM_RETURN_IF_ERROR(signum::WriteSgn(BeforeQuantizer(graph, node), file + ".float.sgn"));
    }
    if (quantize != nullptr) {
      std::printf("%s %d %.9g\n", node.name.c_str(), quantize->bits,
                  node.Find("scale")->floats()[0]);
    } else {
      std::printf("output 0 1\n");
    }
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const bool exact = argc == 4 && argv[3] == std::string("exact");
  if (argc != 3 && !exact) {
    std::fprintf(stderr, "usage: cut_model MODEL.sgn FOLDER [exact]\n");
    return 2;
  }
  const signum::Status status = CutModel(argv[1], argv[2], exact);
  if (!status) std::fprintf(stderr, "cut_model: %s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
