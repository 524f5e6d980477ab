#include "onnx/export_writer.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace signum::onnx {
namespace {

using ::onnx::AttributeProto;
using ::onnx::TensorProto;

std::string TakeName(std::set<std::string>& taken, const std::string& name) {
  std::string free = name;
  for (int i = 1; !taken.insert(free).second; ++i) free = name + "_" + std::to_string(i);
  return free;
}

// ONNX's raw data are little-endian.
template <typename T>
std::string RawData(std::span<const T> values) {
  // memcpy takes no null, not even for no bytes.
  std::string bytes(values.size_bytes(), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), values.size_bytes());
  if constexpr (std::endian::native == std::endian::big) {
    for (size_t i = 0; i < bytes.size(); i += sizeof(T)) {
      std::reverse(bytes.begin() + i, bytes.begin() + i + sizeof(T));
    }
  }
  return bytes;
}

template <typename T>
void Fill(TensorProto& tensor, int type, const std::vector<int64_t>& sizes,
          std::span<const T> values) {
  tensor.set_data_type(type);
  for (const int64_t size : sizes) tensor.add_dims(size);
  tensor.set_raw_data(RawData(values));
}

AttributeProto& AddAttribute(::onnx::NodeProto& node, std::string_view name,
                             AttributeProto::AttributeType type) {
  AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(std::string(name));
  attribute.set_type(type);
  return attribute;
}

}  // namespace

std::string GraphWriter::TakeNodeName(const std::string& name) { return TakeName(nodes_, name); }

std::string GraphWriter::TakeValueName(const std::string& name) { return TakeName(values_, name); }

::onnx::NodeProto& GraphWriter::AddNode(const std::string& op, const std::string& name,
                                        std::vector<std::string> inputs,
                                        const std::string& output) {
  while (!inputs.empty() && inputs.back().empty()) inputs.pop_back();
  ::onnx::NodeProto& node = *graph_.add_node();
  node.set_op_type(op);
  node.set_name(name);
  for (std::string& input : inputs) node.add_input(std::move(input));
  node.add_output(output);
  return node;
}

std::string GraphWriter::AddPart(const std::string& op, const std::string& owner,
                                 const std::string& part, std::vector<std::string> inputs,
                                 ::onnx::NodeProto** node) {
  const std::string name = owner + "." + part;
  std::string value = TakeValueName(name);
  ::onnx::NodeProto& added = AddNode(op, TakeNodeName(name), std::move(inputs), value);
  if (node != nullptr) *node = &added;
  return value;
}

template <typename T>
std::string GraphWriter::AddTensor(const std::string& name, int type,
                                   const std::vector<int64_t>& sizes, std::span<const T> values) {
  std::string free = reserved_.erase(name) > 0 ? name : TakeValueName(name);
  TensorProto& tensor = *graph_.add_initializer();
  tensor.set_name(free);
  Fill(tensor, type, sizes, values);
  return free;
}

std::string GraphWriter::AddFloats(const std::string& name, const std::vector<int64_t>& sizes,
                                   std::span<const float> values) {
  return AddTensor(name, TensorProto::FLOAT, sizes, values);
}

std::string GraphWriter::AddInt8s(const std::string& name, const std::vector<int64_t>& sizes,
                                  std::span<const int8_t> values) {
  return AddTensor(name, TensorProto::INT8, sizes, values);
}

std::string GraphWriter::AddUint8(const std::string& name, uint8_t value) {
  return AddTensor(name, TensorProto::UINT8, {}, std::span<const uint8_t>(&value, 1));
}

std::string GraphWriter::AddInt32s(const std::string& name, const std::vector<int64_t>& sizes,
                                   std::span<const int32_t> values) {
  return AddTensor(name, TensorProto::INT32, sizes, values);
}

std::string GraphWriter::AddInt64s(const std::string& name, std::span<const int64_t> values) {
  return AddTensor(name, TensorProto::INT64, {static_cast<int64_t>(values.size())}, values);
}

void SetFloats(TensorProto& tensor, const std::vector<int64_t>& sizes,
               std::span<const float> values) {
  Fill(tensor, TensorProto::FLOAT, sizes, values);
}

void SetInt(::onnx::NodeProto& node, std::string_view name, int64_t value) {
  AddAttribute(node, name, AttributeProto::INT).set_i(value);
}

void SetFloat(::onnx::NodeProto& node, std::string_view name, float value) {
  AddAttribute(node, name, AttributeProto::FLOAT).set_f(value);
}

void SetInts(::onnx::NodeProto& node, std::string_view name, std::span<const int64_t> values) {
  AttributeProto& attribute = AddAttribute(node, name, AttributeProto::INTS);
  for (const int64_t value : values) attribute.add_ints(value);
}

void SetString(::onnx::NodeProto& node, std::string_view name, std::string_view value) {
  AddAttribute(node, name, AttributeProto::STRING).set_s(std::string(value));
}

}  // namespace signum::onnx
