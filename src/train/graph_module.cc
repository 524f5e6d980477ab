#include "train/graph_module.h"

#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "graph/passes/weight_offsets.h"
#include "train/interpret.h"
#include "train/layer_settings.h"
#include "train/quantizers.h"

namespace signum::train {
namespace {

// Before the role of what it is the average of.
constexpr std::string_view kAverage = "average_";

bool IsBuffer(const std::string& role) {
  return role == "running_mean" || role == "running_var" || role == "bits" || role == "value" ||
         role == "gradient_mean" || role == "codes" || role == "code_scale" ||
         role.starts_with(kAverage);
}

torch::Tensor FromFloats(const Tensor& tensor) {
  const auto floats = tensor.floats();
  return torch::from_blob(const_cast<float*>(floats.data()), tensor.shape().sizes(), torch::kFloat)
      .clone();
}

torch::Tensor FromCodes(const Tensor& tensor) {
  const auto codes = tensor.codes();
  return torch::from_blob(const_cast<int8_t*>(codes.data()), tensor.shape().sizes(), torch::kChar)
      .to(torch::kFloat);
}

Tensor ToTensor(const torch::Tensor& value, const Shape& shape) {
  const torch::Tensor floats = value.detach().to(torch::kCPU).to(torch::kFloat).contiguous();
  const float* data = floats.data_ptr<float>();
  return Tensor(shape, std::vector<float>(data, data + floats.numel()));
}

Tensor ToCodes(const torch::Tensor& codes, const Shape& shape) {
  const torch::Tensor bytes = codes.detach().to(torch::kCPU).to(torch::kChar).contiguous();
  const int8_t* data = bytes.data_ptr<int8_t>();
  return Tensor(shape, std::vector<int8_t>(data, data + bytes.numel()));
}

// A scale {rows} or {1} in the shape {rows, 1, ...} that broadcasts to `like`.
torch::Tensor AlongRows(const torch::Tensor& scale, const torch::Tensor& like) {
  std::vector<int64_t> shape(like.dim(), 1);
  shape[0] = scale.numel();
  return scale.reshape(shape);
}

// Values from 0, or from -1, to 1 (Zhou et al., "DoReFa-Net", 2016, section 2.3 and equation 11);
// where another zero-point was calibrated, the larger of both sides to 1.
torch::Tensor DoReFaScale(const QuantizeOp& op) {
  const int highest = (1 << op.bits) - 1;
  return torch::full({1},
                     1.0f / static_cast<float>(std::max(highest - op.zero_point, op.zero_point)));
}

}  // namespace

GraphModule::GraphModule(const Graph& graph, const QuantizationConfig& config, torch::Device device)
    : graph_(graph),
      device_(device),
      configs_(graph.size(), config),
      methods_(graph.size()),
      tensors_(graph.size()) {
  std::vector<bool> settled(graph.size());
  for (NodeId id = 0; id < graph.size(); ++id) {
    const Node& node = graph.node(id);
    auto& tensors = tensors_[id];
    for (const auto& [role, tensor] : node.parameters) {
      if (role == "weight_scale") continue;
      if (tensor.type() == DataType::kFloat32) {
        tensors[role] = FromFloats(tensor);
      } else {
        const torch::Tensor codes = FromCodes(tensor);
        tensors["codes"] = codes;
        tensors["code_scale"] = AlongRows(FromFloats(*node.Find("weight_scale")), codes);
        tensors[role] = codes * tensors["code_scale"];
      }
    }
    if (WeightQuantizerSlot(node.op) != nullptr) {
      auto own = ConfigOfLayer(config, node.name);
      SIGNUM_CHECK(own.has_value());
      configs_[id] = *own;
      // A value that several layers read is the first one's.
      const NodeId source = QuantizerOfValue(graph, node.inputs[0]);
      if (source >= 0 && !settled[source]) {
        configs_[source] = *own;
        settled[source] = true;
      }
      if (const WeightQuantizer* quantizer = WeightQuantizerOf(node.op)) {
        methods_[id] = MakeWeightMethod(*quantizer, *own, tensors.contains("codes"));
        methods_[id]->AddTensors(tensors);
      }
    }
  }
  for (NodeId id = 0; id < graph.size(); ++id) {
    const bool fixed = HasFixedScale(id);
    if (fixed) tensors_[id]["scale"] = DoReFaScale(std::get<QuantizeOp>(graph.node(id).op));
    for (auto& [role, tensor] : tensors_[id]) {
      tensor = tensor.to(device);
      if (tensor.dim() == 4) tensor = tensor.contiguous(torch::MemoryFormat::ChannelsLast);
      const bool still = fixed || (role == "shift" && !configs_[id].rsign);
      tensor.set_requires_grad(!IsBuffer(role) && !still);
    }
  }
  last_reader_.assign(graph.size(), graph.output());
  for (NodeId id = graph.size(); id-- > 0;) {
    const auto readers = graph.Readers(id);
    if (!readers.empty()) last_reader_[id] = readers.back();
  }
}

torch::Tensor GraphModule::Weight(NodeId id, double progress) const {
  if (methods_[id] == nullptr) return tensors_[id].at("weight");
  return methods_[id]->Weight(tensors_[id], progress);
}

torch::Tensor GraphModule::Forward(const torch::Tensor& images, const ForwardOptions& options) {
  std::vector<torch::Tensor> values(graph_.size());
  values[0] = images.to(device_);
  if (images.dim() == 4) values[0] = values[0].contiguous(torch::MemoryFormat::ChannelsLast);
  for (NodeId id = 0; id < graph_.size(); ++id) {
    const Node& node = graph_.node(id);
    if (id > 0) {
      if (options.calibrate && std::holds_alternative<QuantizeOp>(node.op)) {
        options.calibrate(id, values[node.inputs[0]]);
      }
      if (!options.training && methods_[id] != nullptr &&
          QuantizerOfValue(graph_, node.inputs[0]) >= 0) {
        values[id] = OverCodes(id, values[node.inputs[0]], options);
      } else {
        NodeContext context{
            .node = node, .tensors = tensors_[id], .options = options, .config = configs_[id]};
        for (NodeId input : node.inputs) context.inputs.push_back(values[input]);
        if (WeightQuantizerSlot(node.op) != nullptr) context.weight = Weight(id, options.progress);
        context.batch = images.size(0);
        if (!node.inputs.empty()) context.padding_unit = PaddingUnit(node.inputs[0]);
        values[id] = Interpret(context);
      }
    }
    if (options.inspect) options.inspect(id, values[id]);
    for (NodeId input : node.inputs) {
      if (last_reader_[input] == id) values[input] = torch::Tensor();
    }
  }
  return values[graph_.output()];
}

// The sum is taken over codes, as the runtime takes it: over integers, which
// floats hold exactly up to 2^24. So neither the order of a sum nor its rounding
// can move a value over the border between two codes of the next quantizer.
torch::Tensor GraphModule::OverCodes(NodeId id, const torch::Tensor& input,
                                     const ForwardOptions& options) const {
  const Node& node = graph_.node(id);
  const torch::Tensor value_scale = tensors_[QuantizerOfValue(graph_, node.inputs[0])].at("scale");
  auto tensors = tensors_[id];
  tensors.erase("bias");
  NodeContext context{.node = node, .tensors = tensors, .options = options, .config = configs_[id]};
  context.inputs = {torch::round(input / value_scale)};
  context.padding_unit = torch::ones_like(value_scale);
  const WeightCodes weight = methods_[id]->Codes(tensors);
  context.weight = weight.codes;
  const torch::Tensor sum = Interpret(context);
  std::vector<int64_t> channels(sum.dim(), 1);
  channels[1] = -1;
  const torch::Tensor multiplier =
      (weight.scale.to(torch::kDouble) * value_scale.to(torch::kDouble)).to(torch::kFloat);
  torch::Tensor value = sum * multiplier.reshape(channels);
  if (const auto bias = tensors_[id].find("bias"); bias != tensors_[id].end()) {
    value = value + bias->second.reshape(channels);
  }
  if (weight.offset.defined()) {
    // One sum of inputs for each group of channels.
    const auto* convolution = std::get_if<ConvolutionOp>(&node.op);
    const int64_t groups = convolution == nullptr ? 1 : convolution->groups;
    context.weight = torch::ones_like(weight.codes.slice(0, 0, groups));
    const torch::Tensor inputs =
        Interpret(context).repeat_interleave(weight.codes.size(0) / groups, 1);
    value = value + inputs * value_scale * weight.offset.reshape(channels);
  }
  return value;
}

torch::Tensor GraphModule::PaddingUnit(NodeId input) const {
  if (!std::holds_alternative<QuantizeOp>(graph_.node(input).op)) return {};
  return tensors_[input].at("scale").detach();
}

torch::Tensor* GraphModule::LearnedScale(NodeId id) {
  const bool quantize = std::holds_alternative<QuantizeOp>(graph_.node(id).op);
  const auto found = tensors_[id].find(quantize ? "scale" : "step");
  return found == tensors_[id].end() || HasFixedScale(id) ? nullptr : &found->second;
}

torch::Tensor GraphModule::Logits(const torch::Tensor& images, const ForwardOptions& options) {
  const Node& output = graph_.node(graph_.output());
  if (!std::holds_alternative<SoftmaxOp>(output.op)) return Forward(images, options);
  torch::Tensor logits;
  ForwardOptions looking = options;
  looking.inspect = [&](NodeId id, const torch::Tensor& value) {
    if (id == output.inputs[0]) logits = value;
    if (options.inspect) options.inspect(id, value);
  };
  Forward(images, looking);
  return logits;
}

void GraphModule::BeforeStep() {
  torch::NoGradGuard no_gradients;
  for (NodeId id = 0; id < graph_.size(); ++id) {
    if (const torch::Tensor* scale = LearnedScale(id)) {
      scales_before_step_[id] = scale->detach().clone();
    }
  }
}

void GraphModule::AfterStep() {
  torch::NoGradGuard no_gradients;
  for (NodeId id = 0; id < graph_.size(); ++id) {
    if (methods_[id] != nullptr) methods_[id]->AfterStep(tensors_[id]);
    if (const auto before = scales_before_step_.find(id); before != scales_before_step_.end()) {
      constexpr double kLargestChange = 1.01;
      torch::Tensor& scale = *LearnedScale(id);
      scale.copy_(torch::max(torch::min(scale, before->second * kLargestChange),
                             before->second / kLargestChange));
    }
  }
}

Graph GraphModule::Snapshot() const {
  std::map<NodeId, std::vector<float>> offsets;
  const Graph graph = WithCodes(offsets);
  return AddWeightOffsets(graph, offsets);
}

Graph GraphModule::WithCodes(std::map<NodeId, std::vector<float>>& offsets) const {
  Graph graph = graph_;
  for (NodeId id = 0; id < graph.size(); ++id) {
    Node& node = graph.node(id);
    for (auto& [role, tensor] : node.parameters) {
      const auto found = tensors_[id].find(role);
      if (found != tensors_[id].end()) tensor = ToTensor(found->second, tensor.shape());
    }
    if (methods_[id] == nullptr) continue;
    (*WeightQuantizerSlot(node.op))->bits = methods_[id]->code_bits();
    const WeightCodes weight = methods_[id]->Codes(tensors_[id]);
    node.parameters["weight"] = ToCodes(weight.codes, node.parameters.at("weight").shape());
    node.parameters["weight_scale"] = ToTensor(weight.scale, {weight.scale.numel()});
    if (!weight.offset.defined()) continue;
    const int64_t channels = weight.codes.size(0);
    const Tensor offset = ToTensor(weight.offset.flatten().expand({channels}), {channels});
    offsets[id].assign(offset.floats().begin(), offset.floats().end());
  }
  return graph;
}

Graph GraphModule::Latents() const {
  std::map<NodeId, std::vector<float>> offsets;  // of codes, which go
  Graph graph = WithCodes(offsets);
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (methods_[id] == nullptr || !methods_[id]->learns_latents()) continue;
    Node& node = graph.node(id);
    node.parameters["weight"] =
        ToTensor(tensors_[id].at("weight"), node.parameters.at("weight").shape());
    node.parameters.erase("weight_scale");
    WeightQuantizerSlot(node.op)->reset();
  }
  graph.metadata.erase("precision");
  graph.metadata["weights"] = "latent";
  return graph;
}

std::vector<torch::Tensor> GraphModule::DecayedParameters() const {
  std::vector<torch::Tensor> parameters;
  for (NodeId id = 0; id < graph_.size(); ++id) {
    const Op& op = graph_.node(id).op;
    if (WeightQuantizerSlot(op) == nullptr) continue;
    if (methods_[id] != nullptr && !methods_[id]->learns_latents()) continue;
    parameters.push_back(tensors_[id].at("weight"));
  }
  return parameters;
}

std::vector<torch::Tensor> GraphModule::OtherParameters() const {
  std::vector<torch::Tensor> parameters;
  for (NodeId id = 0; id < graph_.size(); ++id) {
    const bool weighted = WeightQuantizerSlot(graph_.node(id).op) != nullptr;
    for (const auto& [role, tensor] : tensors_[id]) {
      if (!IsBuffer(role) && !(weighted && role == "weight")) parameters.push_back(tensor);
    }
  }
  return parameters;
}

std::map<std::string, torch::Tensor> GraphModule::State() const {
  std::map<std::string, torch::Tensor> state;
  for (NodeId id = 0; id < graph_.size(); ++id) {
    for (const auto& [role, tensor] : tensors_[id]) {
      state[graph_.node(id).name + "." + role] = tensor;
    }
  }
  return state;
}

std::map<std::string, torch::Tensor> GraphModule::Bits() const {
  std::map<std::string, torch::Tensor> bits;
  for (NodeId id = 0; id < graph_.size(); ++id) {
    const auto found = tensors_[id].find("bits");
    if (found != tensors_[id].end()) bits[graph_.node(id).name] = found->second;
  }
  return bits;
}

std::map<std::string, torch::Tensor> GraphModule::WiderCodes() const {
  torch::NoGradGuard no_gradients;
  std::map<std::string, torch::Tensor> codes;
  for (NodeId id = 0; id < graph_.size(); ++id) {
    if (methods_[id] == nullptr || tensors_[id].contains("bits")) continue;
    codes[graph_.node(id).name] = methods_[id]->Codes(tensors_[id]).codes;
  }
  return codes;
}

std::map<std::string, torch::Tensor> GraphModule::LearnedScales() {
  std::map<std::string, torch::Tensor> scales;
  for (NodeId id = 0; id < graph_.size(); ++id) {
    if (const torch::Tensor* scale = LearnedScale(id)) scales[graph_.node(id).name] = *scale;
  }
  return scales;
}

std::vector<std::pair<NodeId, std::string>> GraphModule::Learning() const {
  std::vector<std::pair<NodeId, std::string>> learning;
  for (NodeId id = 0; id < graph_.size(); ++id) {
    for (const auto& [role, tensor] : tensors_[id]) {
      if (!IsBuffer(role)) learning.emplace_back(id, role);
    }
  }
  return learning;
}

void GraphModule::ShareWeights(const GraphModule& other) {
  std::map<std::string, NodeId> ids;
  for (NodeId id = 0; id < other.graph_.size(); ++id) ids[other.graph_.node(id).name] = id;
  for (NodeId id = 0; id < graph_.size(); ++id) {
    if (WeightQuantizerSlot(graph_.node(id).op) == nullptr) continue;
    for (const char* role : {"weight", "bias"}) {
      const auto own = tensors_[id].find(role);
      if (own != tensors_[id].end()) {
        own->second = other.tensors_[ids.at(graph_.node(id).name)].at(role);
      }
    }
  }
}

void GraphModule::StartAverage() {
  for (const auto& [id, role] : Learning()) {
    tensors_[id][std::string(kAverage) + role] = tensors_[id].at(role).detach().clone();
  }
}

void GraphModule::UpdateAverage(double share) {
  torch::NoGradGuard no_gradients;
  for (const auto& [id, role] : Learning()) {
    tensors_[id].at(std::string(kAverage) + role).lerp_(tensors_[id].at(role), share);
  }
}

void GraphModule::TakeAverage() {
  torch::NoGradGuard no_gradients;
  for (const auto& [id, role] : Learning()) {
    tensors_[id].at(role).copy_(tensors_[id].at(std::string(kAverage) + role));
  }
  for (NodeId id = 0; id < graph_.size(); ++id) {
    if (methods_[id] != nullptr) methods_[id]->AfterStep(tensors_[id]);
  }
}

bool GraphModule::HasFixedScale(NodeId id) const {
  const auto* op = std::get_if<QuantizeOp>(&graph_.node(id).op);
  return op != nullptr && op->bits > 1 && configs_[id].value_method == "dorefa";
}

void GraphModule::Set(NodeId node, const std::string& role, const torch::Tensor& value) {
  torch::NoGradGuard no_gradients;
  tensors_[node].at(role).copy_(value.reshape(tensors_[node].at(role).sizes()));
}

}  // namespace signum::train
