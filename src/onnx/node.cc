#include "onnx/node.h"

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <utility>

#include "onnx/tensor_proto.h"

namespace signum::onnx {
namespace {

using ::onnx::AttributeProto;

// Files of IR version 1 leave the type out: the field that is set tells it.
AttributeProto::AttributeType TypeOf(const AttributeProto& attribute) {
  if (attribute.type() != AttributeProto::UNDEFINED) return attribute.type();
  if (attribute.has_f()) return AttributeProto::FLOAT;
  if (attribute.has_i()) return AttributeProto::INT;
  if (attribute.has_s()) return AttributeProto::STRING;
  if (attribute.has_t()) return AttributeProto::TENSOR;
  if (attribute.has_g()) return AttributeProto::GRAPH;
  if (attribute.floats_size() > 0) return AttributeProto::FLOATS;
  if (attribute.ints_size() > 0) return AttributeProto::INTS;
  if (attribute.strings_size() > 0) return AttributeProto::STRINGS;
  if (attribute.tensors_size() > 0) return AttributeProto::TENSORS;
  if (attribute.graphs_size() > 0) return AttributeProto::GRAPHS;
  return AttributeProto::UNDEFINED;
}

Status CheckType(const AttributeProto& attribute, AttributeProto::AttributeType wanted) {
  if (attribute.has_ref_attr_name()) {
    return Unsupported(fmt::format("attribute '{}' refers to one of a function", attribute.name()));
  }
  const AttributeProto::AttributeType type = TypeOf(attribute);
  const bool empty_list = type == AttributeProto::UNDEFINED &&
                          (wanted == AttributeProto::INTS || wanted == AttributeProto::FLOATS);
  if (type == wanted || empty_list) return {};
  return Corrupt(fmt::format("attribute '{}' is of type {}, not {}", attribute.name(),
                             AttributeProto::AttributeType_Name(type),
                             AttributeProto::AttributeType_Name(wanted)));
}

// What `get` makes of the attribute, or `otherwise` where it is null.
template <typename Value, typename Get>
Result<Value> ValueOf(const AttributeProto* attribute, AttributeProto::AttributeType wanted,
                      Value otherwise, Get get) {
  if (attribute == nullptr) return otherwise;
  SIGNUM_RETURN_IF_ERROR(CheckType(*attribute, wanted));
  return get(*attribute);
}

}  // namespace

OnnxNode::OnnxNode(const ::onnx::NodeProto& proto, int64_t opset)
    : proto_(proto), name_(proto.name()), opset_(opset) {
  if (name_.empty() && proto.output_size() > 0) name_ = proto.output(0);
}

const std::string& OnnxNode::op() const { return proto_.op_type(); }

const std::string& OnnxNode::domain() const {
  static const std::string onnx;  // its other name is "ai.onnx"
  return proto_.domain() == "ai.onnx" ? onnx : proto_.domain();
}

int OnnxNode::outputs() const { return proto_.output_size(); }

const AttributeProto* OnnxNode::Find(const char* name) const {
  asked_.insert(name);
  for (const AttributeProto& attribute : proto_.attribute()) {
    if (attribute.name() == name) return &attribute;
  }
  return nullptr;
}

bool OnnxNode::Has(const char* name) const { return Find(name) != nullptr; }

Result<int64_t> OnnxNode::Int(const char* name, int64_t otherwise) const {
  return ValueOf(Find(name), AttributeProto::INT, otherwise,
                 [](const AttributeProto& a) { return a.i(); });
}

Result<float> OnnxNode::Float(const char* name, float otherwise) const {
  return ValueOf(Find(name), AttributeProto::FLOAT, otherwise,
                 [](const AttributeProto& a) { return a.f(); });
}

Result<std::string> OnnxNode::String(const char* name, const std::string& otherwise) const {
  return ValueOf(Find(name), AttributeProto::STRING, otherwise,
                 [](const AttributeProto& a) { return a.s(); });
}

Result<std::vector<int64_t>> OnnxNode::Ints(const char* name,
                                            std::vector<int64_t> otherwise) const {
  return ValueOf(Find(name), AttributeProto::INTS, std::move(otherwise),
                 [](const AttributeProto& a) {
                   return std::vector<int64_t>(a.ints().begin(), a.ints().end());
                 });
}

Result<std::vector<float>> OnnxNode::Floats(const char* name, std::vector<float> otherwise) const {
  return ValueOf(Find(name), AttributeProto::FLOATS, std::move(otherwise),
                 [](const AttributeProto& a) {
                   return std::vector<float>(a.floats().begin(), a.floats().end());
                 });
}

Result<std::optional<Constant>> OnnxNode::Tensor(const char* name) const {
  const AttributeProto* attribute = Find(name);
  if (attribute == nullptr) return std::nullopt;
  SIGNUM_RETURN_IF_ERROR(CheckType(*attribute, AttributeProto::TENSOR));
  Result<Constant> tensor = ParseTensor(attribute->t());
  if (!tensor) {
    return tl::unexpected<Error>(tensor.error().In(fmt::format("attribute '{}'", name)));
  }
  return *std::move(tensor);
}

Status OnnxNode::AllAsked() const {
  std::set<std::string> seen;
  for (const AttributeProto& attribute : proto_.attribute()) {
    if (!seen.insert(attribute.name()).second) {
      return Corrupt(fmt::format("has the attribute '{}' twice", attribute.name()));
    }
    if (!asked_.contains(attribute.name())) {
      return Unsupported(
          fmt::format("{} with the attribute '{}' is not known", op(), attribute.name()));
    }
  }
  return {};
}

}  // namespace signum::onnx
