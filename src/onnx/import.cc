#include "onnx/import.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "base/check.h"
#include "onnx/builder.h"
#include "onnx/fold.h"
#include "onnx/layer.h"
#include "onnx/model.h"
#include "onnx/operators.h"
#include "onnx/recognize.h"
#include "onnx/refusals.h"
#include "onnx/tensor_proto.h"

namespace signum::onnx {
namespace {

// Copies of a weight until it is a node's: a quantized one is dequantized, transposed by
// a node and by its layer, codes and floats both.
constexpr int64_t kCopiesOfWeights = 8;

// `text` with '?' for what is not plain ASCII.
std::string PlainText(std::string text) {
  for (char& c : text) c = c >= ' ' && c < 127 ? c : '?';
  return text;
}

std::string OpText(const OnnxNode& node) {
  const bool own = node.domain().empty() || node.domain() == "ai.onnx";
  return own ? node.op() : node.domain() + "." + node.op();
}

// One way through the model's nodes: with the first axis of the input as the batch, or
// as an axis like any other.
class Conversion {
 public:
  Conversion(const Model& model, const OnnxImportOptions& options,
             const std::vector<int64_t>& sizes)
      : model_(model),
        options_(options),
        sizes_(sizes),
        budget_{FoldedElements(model)},
        builder_(budget_) {}

  Status Run(bool batched) {
    SIGNUM_ASSIGN_OR_RETURN(Value input, builder_.AddInput(PlainName(model_.input.name), sizes_,
                                                           batched, model_.input.type));
    if (!model_.input.sizes.empty() && model_.input.sizes[0] < 0) builder_.SetOpenBatch();
    if (!options_.mean.empty() || !options_.deviation.empty()) {
      builder_.SetNodeName("normalize");
      SIGNUM_ASSIGN_OR_RETURN(
          input, builder_.Emit(NormalizeOp{options_.mean, options_.deviation}, {input}));
      input.type = model_.input.type;
    } else if (input.is_integer()) {
      NoteIntegers();
    }
    values_[model_.input.name] = std::move(input);
    for (const auto& [name, constant] : model_.initializers) {
      Value value{.constant = constant, .sizes = constant->sizes, .type = constant->type};
      values_[name] = std::move(value);
    }
    for (const ::onnx::NodeProto* proto : model_.nodes) Convert(*proto);
    if (!refusals_.empty()) return Unsupported(refusals_.Text());
    return FindOutput();
  }

  bool mixed_batch() const { return builder_.mixed_batch(); }
  GraphBuilder& builder() { return builder_; }
  const Value& output() const { return output_; }
  std::vector<OnnxPlacement>& placements() { return placements_; }

 private:
  // Elements that may be allocated: some, and those of the file several times.
  static int64_t FoldedElements(const Model& model) {
    int64_t elements = 0;
    for (const auto& [name, constant] : model.initializers) elements += constant->elements();
    for (const ::onnx::NodeProto* proto : model.nodes) {
      for (const auto& attribute : proto->attribute()) {
        if (!attribute.has_t()) continue;
        const auto& sizes = attribute.t().dims();
        const int64_t stated = CheckedProduct({sizes.begin(), sizes.end()}, kMaxTensorElements);
        // An element takes a byte or more, whatever the sizes say.
        const auto bytes = static_cast<int64_t>(attribute.t().ByteSizeLong());
        elements += std::clamp<int64_t>(stated, 0, bytes);
      }
    }
    return kFoldedElements + kCopiesOfWeights * elements;
  }

  // Networks of Signum get pixels in [0, 1], a model of integers wants other numbers.
  void NoteIntegers() {
    const char* type = ElementTypeName(model_.input.type);
    if (sizes_.size() != 4) {
      return builder_.Note(fmt::format("takes {} values; it is given numbers as they are", type));
    }
    const bool is_signed = model_.input.type == ElementType::kInt8;
    const auto channels = [&](const char* number) {
      std::string text = number;
      for (int64_t i = 1; i < std::min<int64_t>(sizes_[1], 4); ++i)
        text += std::string(",") + number;
      return text + (sizes_[1] > 4 ? ",..." : "");
    };
    builder_.Note(fmt::format(
        "takes {} values and is given pixels in [0, 1]; import with --mean {} --std {} for pixels "
        "of {}",
        type, channels(is_signed ? "0.5019608" : "0"), channels("0.003921569"),
        is_signed ? "-128 to 127" : "0 to 255"));
  }

  void Refuse(const OnnxNode& node, const std::string& reason) {
    refusals_.Add(node.name(), OpText(node), reason);
  }

  // The inputs of a node; nothing where one of them could not be made, which has been
  // told then.
  std::optional<std::vector<Value>> InputsOf(const OnnxNode& node) {
    std::vector<Value> inputs;
    for (const std::string& name : node.proto().input()) {
      const auto found = values_.find(name);
      if (name.empty()) {
        inputs.emplace_back();
      } else if (found != values_.end()) {
        inputs.push_back(found->second);
      } else {
        if (const auto unmade = unmade_.find(name); unmade != unmade_.end()) {
          Refuse(node, fmt::format("reads '{}', {}", name, unmade->second));
        } else {
          refusals_.AddBehind();
        }
        return std::nullopt;
      }
    }
    // Absent ones at the end are as good as none.
    while (!inputs.empty() && inputs.back().absent()) inputs.pop_back();
    return inputs;
  }

  void Convert(const ::onnx::NodeProto& proto) {
    const auto opset = model_.opsets.find(proto.domain() == "ai.onnx" ? "" : proto.domain());
    const OnnxNode node(proto, opset == model_.opsets.end() ? 1 : opset->second);
    const OperatorEntry* entry = FindOperator(node.domain(), node.op());
    // Said of every such node, whatever became of those before it.
    if (entry == nullptr && !CanFold(node)) {
      return Refuse(node, "there is no such operator in a network of Signum");
    }
    const std::optional<std::vector<Value>> inputs = InputsOf(node);
    if (!inputs) return;
    builder_.SetNodeName(PlainName(node.name()));
    const int32_t first = builder_.graph().size();
    Outputs outputs = ConvertNode(node, entry, *inputs);
    if (outputs) {
      if (const Status asked = node.AllAsked(); !asked) {
        outputs = tl::unexpected(asked.error());
      }
    }
    std::vector<std::string> reasons = builder_.TakeRefusals();
    if (!outputs) reasons.push_back(outputs.error().message);
    if (!reasons.empty()) Refuse(node, fmt::format("{}", fmt::join(reasons, ", and ")));
    if (!outputs) return;
    SetOutputs(node, *std::move(outputs));
    placements_.push_back({node.name(), OpText(node), Became(first)});
  }

  Outputs ConvertNode(const OnnxNode& node, const OperatorEntry* entry, Inputs inputs) {
    const bool all_known = std::all_of(inputs.begin(), inputs.end(), [](const Value& value) {
      return value.is_constant() || value.absent();
    });
    if (all_known) return ConvertConstants(node, entry, inputs);
    if (entry == nullptr) {
      return Unsupported("is only possible where all its inputs are constants");
    }
    const auto count = static_cast<int>(inputs.size());
    if (count < entry->inputs_at_least || count > entry->inputs_at_most) {
      return Corrupt(fmt::format("has {} inputs", count));
    }
    const int needed = entry->takes_any_number() ? count : entry->inputs_at_least;
    for (int i = 0; i < needed; ++i) {
      if (inputs[i].absent()) return Corrupt(fmt::format("lacks its input {}", i));
    }
    if (inputs[0].is_constant() && !entry->constant_first) {
      return Unsupported("works on a constant by numbers that the network computes");
    }
    return entry->import(node, inputs, builder_);
  }

  Outputs ConvertConstants(const OnnxNode& node, const OperatorEntry* entry, Inputs inputs) {
    const bool keeps_codes = node.op() == "DequantizeLinear" || node.op() == "Quant" ||
                             node.op() == "BipolarQuant" ||
                             (node.op() == "Identity" && inputs.size() == 1);
    if (keeps_codes && static_cast<int>(inputs.size()) >= entry->inputs_at_least) {
      return entry->import(node, inputs, builder_);
    }
    if (node.op() == "Transpose" && inputs.size() == 1 && inputs[0].quantized != nullptr) {
      return TransposeCodes(node, inputs[0]);
    }
    if (!CanFold(node)) {
      return Unsupported("has constants for all its inputs and is not computed beforehand");
    }
    std::vector<ConstantPointer> constants;
    for (const Value& input : inputs) constants.push_back(input.constant);
    SIGNUM_ASSIGN_OR_RETURN(std::vector<Constant> folded, Fold(node, constants, budget_));
    std::vector<Value> outputs;
    for (Constant& constant : folded) outputs.push_back(Value::Of(std::move(constant)));
    return outputs;
  }

  Outputs TransposeCodes(const OnnxNode& node, const Value& value) {
    std::vector<int64_t> reversed;
    for (int axis = value.rank() - 1; axis >= 0; --axis) reversed.push_back(axis);
    SIGNUM_ASSIGN_OR_RETURN(const std::vector<int64_t> stated, node.Ints("perm", reversed));
    std::vector<int> permutation(stated.begin(), stated.end());
    std::vector<int> sorted = permutation;
    std::sort(sorted.begin(), sorted.end());
    bool fits = permutation.size() == value.sizes.size();
    for (int axis = 0; fits && axis < value.rank(); ++axis) fits = sorted[axis] == axis;
    if (!fits) return InvalidArgument("its perm is no order of the axes");
    return One(TransposedConstant(value, permutation, budget_));
  }

  void SetOutputs(const OnnxNode& node, std::vector<Value> outputs) {
    for (int i = 0; i < node.outputs(); ++i) {
      const std::string& name = node.proto().output(i);
      if (name.empty()) continue;
      if (i < static_cast<int>(outputs.size())) {
        values_[name] = std::move(outputs[i]);
      } else {
        unmade_[name] = fmt::format("output {} of node '{}' ({}), which is not made", i,
                                    node.name(), OpText(node));
      }
    }
  }

  std::string Became(int32_t first) const {
    std::string text;
    for (NodeId id = first; id < builder_.graph().size(); ++id) {
      text += (text.empty() ? "" : "+") + OpName(builder_.graph().node(id).op);
    }
    return text.empty() ? "(folded)" : text;
  }

  Status FindOutput() {
    const auto found = values_.find(model_.output);
    if (found == values_.end()) {
      const auto unmade = unmade_.find(model_.output);
      SIGNUM_CHECK(unmade != unmade_.end());
      return Unsupported(fmt::format("its output is '{}', {}", model_.output, unmade->second));
    }
    if (found->second.is_constant()) {
      return Unsupported(
          fmt::format("its output '{}' does not depend on its input, or on its "
                      "shape alone",
                      model_.output));
    }
    builder_.SetNodeName("output");
    SIGNUM_ASSIGN_OR_RETURN(output_, builder_.AsNode(found->second));
    if (output_.node == 0) {
      // A graph has a node besides its input.
      std::vector<int64_t> same(static_cast<size_t>(builder_.shape(0).rank()), 0);
      SIGNUM_ASSIGN_OR_RETURN(output_, builder_.Emit(ReshapeOp{std::move(same)}, {output_}));
      output_.type = found->second.type;
    }
    return {};
  }

  // Names go into files and tables: plain, and not long.
  static std::string PlainName(const std::string& name) {
    constexpr size_t kLongest = 200;
    std::string plain = name.empty() ? "node" : name.substr(0, kLongest);
    for (char& c : plain) c = c > ' ' && c < 127 ? c : '_';
    return plain;
  }

  const Model& model_;
  const OnnxImportOptions& options_;
  const std::vector<int64_t>& sizes_;
  FoldBudget budget_;
  GraphBuilder builder_;
  std::map<std::string, Value> values_;
  std::map<std::string, std::string> unmade_;
  Refusals refusals_;
  std::vector<OnnxPlacement> placements_;
  Value output_;
};

// The sizes of the input, the batch first; a symbolic batch counts as 1.
Result<std::vector<int64_t>> InputSizes(const ModelInput& input,
                                        const std::vector<int64_t>& stated) {
  std::vector<int64_t> sizes = input.sizes;
  if (!sizes.empty() && sizes[0] < 0) sizes[0] = 1;
  if (!stated.empty()) {
    if (stated.size() + 1 != sizes.size()) {
      return InvalidArgument(fmt::format("the input has {} axes besides the batch, not {}",
                                         static_cast<int>(sizes.size()) - 1, stated.size()));
    }
    for (size_t i = 0; i < stated.size(); ++i) {
      if (input.sizes[i + 1] >= 0 && input.sizes[i + 1] != stated[i]) {
        return InvalidArgument(fmt::format("the model fixes its input to {}, not {}",
                                           SizesText({sizes.begin() + 1, sizes.end()}),
                                           SizesText(stated)));
      }
      sizes[i + 1] = stated[i];
    }
  }
  constexpr int64_t kLargestBatch = 1 << 16;
  if (!sizes.empty() && (sizes[0] > kLargestBatch || static_cast<int>(sizes.size()) > kMostAxes)) {
    return Unsupported(
        fmt::format("input '{}' has {} axes and a batch of {}; {} and {} are possible", input.name,
                    sizes.size(), sizes[0], kMostAxes, kLargestBatch));
  }
  std::vector<std::string> texts, example;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const bool open = input.sizes[i] < 0;
    texts.push_back(open ? input.symbols[i] : fmt::format("{}", input.sizes[i]));
    if (i == 0) continue;
    const int64_t usual = i == 1 && sizes.size() > 2 ? 3 : 224;  // channels, and pixels
    example.push_back(fmt::format("{}", open ? usual : input.sizes[i]));
  }
  for (const int64_t size : sizes) {
    if (size >= 1) continue;
    return InvalidArgument(
        fmt::format("input '{}' of {} leaves sizes open; state all but the first with --input, "
                    "as in {}",
                    input.name, fmt::join(texts, "x"), fmt::join(example, "x")));
  }
  return sizes;
}

// The name, class names and metadata that our own export writes, and the producer.
void ReadMetadata(const ::onnx::ModelProto& proto, Graph& graph) {
  constexpr std::string_view kPrefix = "signum.metadata.";
  for (const auto& property : proto.metadata_props()) {
    if (property.key().rfind(kPrefix, 0) == 0) {
      graph.metadata[property.key().substr(kPrefix.size())] = property.value();
    }
    if (property.key() != "signum.class_names") continue;
    const auto json = nlohmann::json::parse(property.value(), nullptr, false);
    if (!json.is_array()) continue;
    std::vector<std::string> names;
    for (const auto& name : json) {
      if (name.is_string()) names.push_back(name.get<std::string>());
    }
    if (names.size() == json.size()) graph.class_names = std::move(names);
  }
  constexpr size_t kLongestName = 200;
  const std::string& name = proto.graph().name();
  graph.name = name.empty() ? "onnx" : PlainText(name.substr(0, kLongestName));
}

// Names in a file may hold any bytes and be of any length; a message is a line of text.
Error Plain(Error error, size_t longest) {
  if (error.message.size() > longest) error.message = error.message.substr(0, longest) + " ...";
  error.message = PlainText(std::move(error.message));
  return error;
}

Result<OnnxImport> ImportModel(const Model& model, const OnnxImportOptions& options) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                          InputSizes(model.input, options.input_sizes));
  bool batched = !sizes.empty();
  auto conversion = std::make_unique<Conversion>(model, options, sizes);
  Status status = conversion->Run(batched);
  if (!status && batched && conversion->mixed_batch()) {
    auto unbatched = std::make_unique<Conversion>(model, options, sizes);
    // Its errors, too, say more than that an operator needs the batch as an axis.
    status = unbatched->Run(false);
    conversion = std::move(unbatched);
    batched = false;
  }
  if (!status) return tl::unexpected(std::move(status).error());

  OnnxImport imported;
  const Value& output = conversion->output();
  imported.graph = RecognizePatterns(WithoutUnread(conversion->builder().graph(), output.node));
  ReadMetadata(*model.proto, imported.graph);
  SIGNUM_RETURN_IF_ERROR(Verify(imported.graph));
  imported.placements = std::move(conversion->placements());
  imported.notes = conversion->builder().notes();
  imported.opset = model.opsets.at("");
  imported.producer = model.proto->producer_name();
  imported.output = model.output;
  imported.output_sizes = output.sizes;
  imported.output_type = ElementTypeName(output.type);
  imported.batch = sizes.empty() ? 1 : sizes[0];
  imported.batched = batched;
  if (!batched && imported.batch > 1) {
    imported.notes.push_back(
        fmt::format("works along the batch: the network takes the {} images of the model at once, "
                    "as one input, and no other number of them",
                    imported.batch));
  }
  return imported;
}

}  // namespace

bool IsOnnx(std::span<const uint8_t> bytes) {
  // ModelProto starts with its ir_version (field 1, a varint), a number of one byte.
  return bytes.size() >= 2 && bytes[0] == 0x08 && bytes[1] >= 1 && bytes[1] < 0x20;
}

Result<OnnxImport> ImportOnnx(std::span<const uint8_t> bytes, const OnnxImportOptions& options) {
  constexpr size_t kLongest = 3000, kLongestList = 64000;  // of all nodes that are refused
  Result<Model> model = ReadModel(bytes, options);
  if (!model) return tl::unexpected(Plain(std::move(model).error(), kLongest));
  Result<OnnxImport> imported = ImportModel(*model, options);
  if (!imported) return tl::unexpected(Plain(std::move(imported).error(), kLongestList));
  return imported;
}

}  // namespace signum::onnx
