#include "onnx/model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <limits>
#include <set>
#include <utility>

#include "onnx/tensor_proto.h"

namespace signum::onnx {
namespace {

constexpr int64_t kNewestOpset = 21;
// Of names in an error: the rest is counted.
constexpr size_t kMostNamed = 20;

std::string NamesText(std::vector<std::string> names) {
  const size_t count = names.size();
  if (count > kMostNamed) names.resize(kMostNamed);
  const std::string text = fmt::format("'{}'", fmt::join(names, "', '"));
  return count > kMostNamed ? fmt::format("{} and {} more", text, count - kMostNamed) : text;
}

std::string NodeName(const ::onnx::NodeProto& node) {
  if (!node.name().empty()) return node.name();
  return node.output_size() > 0 ? node.output(0) : "";
}

Result<std::shared_ptr<::onnx::ModelProto>> Parse(std::span<const uint8_t> bytes) {
  auto proto = std::make_shared<::onnx::ModelProto>();
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return Fail(ErrorCode::kResourceExhausted,
                "is larger than 2 GB; save its weights as external data");
  }
  if (bytes.empty() || !proto->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
      !proto->has_graph()) {
    return Corrupt("is no ONNX model, or is cut off");
  }
  return proto;
}

Result<std::map<std::string, int64_t>> ReadOpsets(const ::onnx::ModelProto& proto) {
  std::map<std::string, int64_t> opsets;
  for (const auto& import : proto.opset_import()) {
    const std::string domain = import.domain() == "ai.onnx" ? "" : import.domain();
    opsets[domain] = import.version();
  }
  // Models of IR version 1 and 2 are of opset 1; newer ones have to say it.
  if (opsets.count("") == 0 && proto.ir_version() >= 3) return Corrupt("states no opset");
  const auto found = opsets.try_emplace("", 1).first;
  if (found->second < 1 || found->second > kNewestOpset) {
    return Unsupported(
        fmt::format("uses opset {}; 1 to {} are known, so export it again with one "
                    "of these (17 is a good choice)",
                    found->second, kNewestOpset));
  }
  return opsets;
}

Result<ModelInput> ReadInput(const ::onnx::ValueInfoProto& info) {
  const auto fail = [&](const std::string& reason) {
    return Unsupported(fmt::format("input '{}': {}", info.name(), reason));
  };
  if (!info.type().has_tensor_type()) return fail("is no tensor");
  const auto& tensor = info.type().tensor_type();
  ModelInput input{.name = info.name()};
  const Result<ElementType> type = ToElementType(tensor.elem_type());
  if (!type) return tl::unexpected(type.error().In(fmt::format("input '{}'", info.name())));
  input.type = *type;
  if (!tensor.has_shape()) return fail("has no shape");
  for (const auto& dimension : tensor.shape().dim()) {
    const bool known = dimension.has_dim_value() && dimension.dim_value() > 0;
    input.sizes.push_back(known ? dimension.dim_value() : -1);
    input.symbols.push_back(dimension.has_dim_param() ? dimension.dim_param() : "?");
  }
  return input;
}

Status FindEnds(const ::onnx::GraphProto& graph, const OnnxImportOptions& options, Model& model) {
  std::set<std::string> initialized;
  for (const auto& tensor : graph.initializer()) initialized.insert(tensor.name());
  std::vector<std::string> inputs, outputs;
  const ::onnx::ValueInfoProto* input = nullptr;
  for (const auto& info : graph.input()) {
    // Old models list their weights among the inputs.
    if (initialized.count(info.name()) > 0) continue;
    inputs.push_back(info.name());
    input = &info;
  }
  if (inputs.size() != 1) {
    return Unsupported(inputs.empty()
                           ? "has no input"
                           : fmt::format("has {} inputs ({}); Signum's networks have one",
                                         inputs.size(), NamesText(inputs)));
  }
  SIGNUM_ASSIGN_OR_RETURN(model.input, ReadInput(*input));
  for (const auto& info : graph.output()) outputs.push_back(info.name());
  model.output = options.output;
  if (options.output.empty()) {
    if (outputs.size() != 1) {
      return Unsupported(outputs.empty() ? "has no output"
                                         : fmt::format("has {} outputs ({}); choose one",
                                                       outputs.size(), NamesText(outputs)));
    }
    model.output = outputs[0];
  } else if (std::find(outputs.begin(), outputs.end(), options.output) == outputs.end()) {
    return NotFound(
        fmt::format("has no output '{}'; it has {}", options.output, NamesText(outputs)));
  }
  if (model.input.name.empty() || model.output.empty()) {
    return Corrupt("has an input or an output without a name");
  }
  return {};
}

// Who makes each tensor: the index of a node, or an initializer.
class Walk {
 public:
  Walk(const ::onnx::GraphProto& graph, Model& model) : graph_(graph), model_(model) {}

  Status Run() {
    SIGNUM_RETURN_IF_ERROR(FindMakers());
    SIGNUM_RETURN_IF_ERROR(Visit());
    if (!missing_.empty()) {
      return Corrupt(
          fmt::format("reads tensors that no node, input or initializer gives: {}",
                      NamesText(std::vector<std::string>(missing_.begin(), missing_.end()))));
    }
    for (const std::string& name : read_initializers_) {
      const ::onnx::TensorProto& tensor = graph_.initializer(initializers_.at(name));
      Result<Constant> constant = ParseTensor(tensor);
      if (!constant) {
        return tl::unexpected(constant.error().In(fmt::format("initializer '{}'", name)));
      }
      model_.initializers[name] = std::make_shared<const Constant>(*std::move(constant));
    }
    return {};
  }

 private:
  Status FindMakers() {
    for (int i = 0; i < graph_.initializer_size(); ++i) {
      const std::string& name = graph_.initializer(i).name();
      if (!initializers_.emplace(name, i).second) return Twice(name);
    }
    if (graph_.sparse_initializer_size() > 0) return Unsupported("has sparse initializers");
    for (int i = 0; i < graph_.node_size(); ++i) {
      for (const std::string& name : graph_.node(i).output()) {
        if (name.empty()) continue;
        if (initializers_.count(name) > 0 || name == model_.input.name ||
            !makers_.emplace(name, i).second) {
          return Twice(name);
        }
      }
    }
    return {};
  }

  static Status Twice(const std::string& name) {
    return Corrupt(fmt::format("gives the tensor '{}' twice", name));
  }

  // Depth first from the output, without recursion: a file may chain any number of nodes.
  Status Visit() {
    enum : char { kNew, kOpen, kDone };
    std::vector<char> states(static_cast<size_t>(graph_.node_size()), kNew);
    struct Frame {
      int node;
      int next_input;
    };
    std::vector<Frame> stack;
    const auto enter = [&](const std::string& name) -> Status {
      if (name.empty() || name == model_.input.name) return {};
      if (const auto maker = makers_.find(name); maker != makers_.end()) {
        char& state = states[maker->second];
        if (state == kOpen) return Circle(graph_.node(maker->second));
        if (state == kNew) stack.push_back({maker->second, 0});
        if (state == kNew) state = kOpen;
      } else if (initializers_.count(name) > 0) {
        read_initializers_.insert(name);
      } else {
        missing_.insert(name);
      }
      return {};
    };
    SIGNUM_RETURN_IF_ERROR(enter(model_.output));
    while (!stack.empty()) {
      Frame& frame = stack.back();
      const ::onnx::NodeProto& node = graph_.node(frame.node);
      if (frame.next_input < node.input_size()) {
        SIGNUM_RETURN_IF_ERROR(enter(node.input(frame.next_input++)));
        continue;
      }
      states[frame.node] = kDone;
      model_.nodes.push_back(&node);
      stack.pop_back();
    }
    return {};
  }

  static Status Circle(const ::onnx::NodeProto& node) {
    return Corrupt(fmt::format("node '{}' ({}) reads, through others, what it gives itself",
                               NodeName(node), node.op_type()));
  }

  const ::onnx::GraphProto& graph_;
  Model& model_;
  std::map<std::string, int> makers_, initializers_;
  std::set<std::string> read_initializers_, missing_;
};

Status ReadAllExternalData(const std::string& folder, ::onnx::GraphProto& graph) {
  // Any number of tensors may name the same stretch of a file.
  constexpr int64_t kMostBytes = int64_t{8} << 30;
  int64_t total = 0;
  const auto read = [&](::onnx::TensorProto& tensor, const std::string& name) -> Status {
    if (!HasExternalData(tensor)) return {};
    const Result<int64_t> bytes = RawBytes(tensor);
    if (bytes && (total += *bytes) > kMostBytes) {
      return Fail(ErrorCode::kResourceExhausted, "has more than 8 GiB of external data");
    }
    const Status status = ReadExternalData(folder, tensor);
    if (status) return {};
    return tl::unexpected(status.error().In(fmt::format("tensor '{}'", name)));
  };
  for (auto& tensor : *graph.mutable_initializer()) {
    SIGNUM_RETURN_IF_ERROR(read(tensor, tensor.name()));
  }
  for (auto& node : *graph.mutable_node()) {
    for (auto& attribute : *node.mutable_attribute()) {
      if (attribute.has_t()) {
        SIGNUM_RETURN_IF_ERROR(read(*attribute.mutable_t(), NodeName(node)));
      }
    }
  }
  return {};
}

}  // namespace

Result<Model> ReadModel(std::span<const uint8_t> bytes, const OnnxImportOptions& options) {
  SIGNUM_ASSIGN_OR_RETURN(const std::shared_ptr<::onnx::ModelProto> proto, Parse(bytes));
  Model model;
  SIGNUM_ASSIGN_OR_RETURN(model.opsets, ReadOpsets(*proto));
  SIGNUM_RETURN_IF_ERROR(FindEnds(proto->graph(), options, model));
  SIGNUM_RETURN_IF_ERROR(ReadAllExternalData(options.folder, *proto->mutable_graph()));
  model.proto = proto;
  SIGNUM_RETURN_IF_ERROR(Walk(proto->graph(), model).Run());
  return model;
}

}  // namespace signum::onnx
