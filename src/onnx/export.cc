#include "onnx/export.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "graph/passes/snap_biases.h"
#include "onnx/export_node.h"
#include "quant/freeze_weights.h"

namespace signum::onnx {
namespace {

using ::onnx::ModelProto;

// Protocol Buffers' limit of one message.
constexpr int64_t kMaxModelBytes = std::numeric_limits<int32_t>::max();

// The version of the format in which ONNX published an opset.
int64_t IrVersion(int opset) {
  constexpr int64_t kVersions[] = {4, 5, 6, 7, 7, 7, 8, 8, 8};  // opsets 9 to 17
  return kVersions[opset - kOldestOnnxOpset];
}

Status CheckSize(int64_t bytes) {
  if (bytes <= kMaxModelBytes) return {};
  return Fail(ErrorCode::kResourceExhausted,
              fmt::format("the ONNX model would have {} bytes; one file holds at most {}", bytes,
                          kMaxModelBytes));
}

// At least so many bytes will the parameters take.
int64_t ParameterBytes(const Graph& graph, OnnxForm form) {
  int64_t bytes = 0;
  for (const Node& node : graph.nodes()) {
    const bool codes = form == OnnxForm::kQdq && WeightQuantizerOf(node.op) != nullptr;
    for (const auto& [role, tensor] : node.parameters) {
      bytes += tensor.elements() * (codes && role == "weight" ? 1 : 4);
    }
  }
  return bytes;
}

// A network that computes something for a batch that it does not for each of its
// images cannot have a batch of any size. `fixed` tells of each node whether it
// depends on no input.
Status CheckBatch(const Node& node, const Shape& shape, const std::vector<bool>& fixed) {
  const auto* softmax = std::get_if<SoftmaxOp>(&node.op);
  if (shape[0] != 1 || (softmax != nullptr && softmax->axis == 0)) {
    return Unsupported("mixes the images of a batch");
  }
  if (!std::holds_alternative<ConcatOp>(node.op)) return {};
  for (const NodeId input : node.inputs) {
    if (fixed[input] != fixed[node.inputs[0]]) {
      return Unsupported("joins a constant, of which a batch would need one for each image");
    }
  }
  return {};
}

void Describe(const std::string& name, const Shape& shape, ::onnx::ValueInfoProto& info) {
  info.set_name(name);
  auto& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(::onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("N");
  for (int axis = 1; axis < shape.rank(); ++axis) {
    type.mutable_shape()->add_dim()->set_dim_value(shape[axis]);
  }
}

void AddProperty(ModelProto& model, const std::string& key, std::string value) {
  auto& property = *model.add_metadata_props();
  property.set_key(key);
  property.set_value(std::move(value));
}

void DescribeModel(const Graph& graph, const OnnxExportOptions& options, ModelProto& model) {
  model.set_ir_version(IrVersion(options.opset));
  model.set_producer_name("signum");
  model.set_producer_version(SIGNUM_VERSION);
  model.add_opset_import()->set_version(options.opset);
  if (options.form == OnnxForm::kQonnx) {
    auto& qonnx = *model.add_opset_import();
    qonnx.set_domain(kQonnxDomain);
    qonnx.set_version(1);
  }
  model.mutable_graph()->set_name(graph.name.empty() ? "network" : graph.name);
  for (const auto& [key, value] : graph.metadata) {
    AddProperty(model, "signum.metadata." + key, value);
  }
  if (graph.class_names.empty()) return;
  // Class names may hold any bytes; JSON may not.
  AddProperty(model, "signum.class_names",
              nlohmann::json(graph.class_names)
                  .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

// Takes the names of all nodes, parameters and values, so that whatever else is named
// keeps clear of them. Returns the values' names by node id.
std::vector<std::string> TakeNames(const Graph& graph, GraphWriter& writer) {
  std::vector<std::string> values;
  for (const char* name : {"input", "output"}) writer.TakeValueName(name);
  for (const Node& node : graph.nodes()) {
    writer.TakeNodeName(node.name);
    for (const auto& [role, tensor] : node.parameters) writer.Reserve(node.name + "." + role);
  }
  for (NodeId id = 0; id < graph.size(); ++id) {
    const bool inner = id != 0 && id != graph.output();
    values.push_back(inner     ? writer.TakeValueName(graph.node(id).name)
                     : id == 0 ? "input"
                               : "output");
  }
  return values;
}

Status FillGraph(const Graph& graph, const OnnxExportOptions& options, ::onnx::GraphProto& proto) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(graph));
  GraphWriter writer(proto, options.opset);
  const std::vector<std::string> values = TakeNames(graph, writer);
  const auto code_scales = CodeScales(graph);
  std::vector<bool> fixed(static_cast<size_t>(graph.size()), false);
  Describe(values[0], shapes[0], *proto.add_input());
  for (NodeId id = 1; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    fixed[id] = true;
    std::vector<std::string> inputs;
    for (const NodeId input : node.inputs) {
      inputs.push_back(values[input]);
      fixed[id] = fixed[id] && fixed[input];
    }
    Status said = CheckBatch(node, shapes[id], fixed);
    if (said) {
      said = SayNode({graph, node, shapes, options.form,
                      node.inputs.empty() ? std::nullopt : code_scales[node.inputs[0]],
                      std::move(inputs), values[id], writer});
    }
    if (!said) {
      return tl::unexpected(
          said.error().In(fmt::format("node '{}' ({})", node.name, OpName(node.op))));
    }
  }
  if (fixed[graph.output()]) return Unsupported("the network's output depends on no input");
  Describe(values[graph.output()], shapes[graph.output()], *proto.add_output());
  return {};
}

Result<std::string> Serialize(const ModelProto& model) {
  SIGNUM_RETURN_IF_ERROR(CheckSize(static_cast<int64_t>(model.ByteSizeLong())));
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    SIGNUM_CHECK(model.SerializeToCodedStream(&coded));
  }
  return bytes;
}

}  // namespace

Result<std::string> ExportOnnx(const Graph& graph, const OnnxExportOptions& options) {
  if (options.opset < kOldestOnnxOpset || options.opset > kNewestOnnxOpset) {
    return InvalidArgument(fmt::format("opset {} is outside {} to {}", options.opset,
                                       kOldestOnnxOpset, kNewestOnnxOpset));
  }
  SIGNUM_RETURN_IF_ERROR(CheckSize(ParameterBytes(graph, options.form)));
  Graph frozen = graph;
  quant::FreezeWeights(frozen);
  if (options.form == OnnxForm::kQdq) frozen = SnapBiases(frozen);
  ModelProto model;
  DescribeModel(graph, options, model);
  SIGNUM_RETURN_IF_ERROR(FillGraph(frozen, options, *model.mutable_graph()));
  return Serialize(model);
}

}  // namespace signum::onnx
