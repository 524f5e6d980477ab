// Small ONNX models for tests, node by node. It checks nothing: tests make models that
// no exporter would.
#ifndef SIGNUM_ONNX_TESTING_MODEL_BUILDER_H_
#define SIGNUM_ONNX_TESTING_MODEL_BUILDER_H_

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "onnx/import.h"
#include "signum/result.h"

namespace signum::onnx {

class ModelBuilder {
 public:
  using Names = std::vector<std::string>;

  explicit ModelBuilder(int64_t opset = 17) {
    model_.set_ir_version(8);
    Opset("", opset);
  }

  ModelBuilder& Opset(const std::string& domain, int64_t version) {
    auto& import = *model_.add_opset_import();
    import.set_domain(domain);
    import.set_version(version);
    return *this;
  }

  // A size of -1 is symbolic, named "N" and so on by its axis.
  ModelBuilder& Input(const std::string& name, const std::vector<int64_t>& sizes,
                      int32_t type = ::onnx::TensorProto::FLOAT) {
    auto& info = *graph().add_input();
    info.set_name(name);
    auto& tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    auto& shape = *tensor.mutable_shape();
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      auto& dimension = *shape.add_dim();
      if (sizes[axis] >= 0) dimension.set_dim_value(sizes[axis]);
      if (sizes[axis] < 0) dimension.set_dim_param(std::string(1, "NCHWD"[axis % 5]));
    }
    return *this;
  }

  ModelBuilder& Output(const std::string& name) {
    graph().add_output()->set_name(name);
    return *this;
  }

  // Named as its first output.
  ::onnx::NodeProto& Node(const std::string& op, const Names& inputs, const Names& outputs,
                          const std::string& domain = "") {
    auto& node = *graph().add_node();
    node.set_op_type(op);
    node.set_domain(domain);
    if (!outputs.empty()) node.set_name(outputs[0]);
    for (const std::string& name : inputs) node.add_input(name);
    for (const std::string& name : outputs) node.add_output(name);
    return node;
  }

  // Initializers; without numbers the tensor has none, whatever its sizes say.
  ::onnx::TensorProto& Tensor(const std::string& name, int32_t type,
                              const std::vector<int64_t>& sizes) {
    auto& tensor = *graph().add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(type);
    for (const int64_t size : sizes) tensor.add_dims(size);
    return tensor;
  }
  ModelBuilder& Floats(const std::string& name, const std::vector<int64_t>& sizes,
                       const std::vector<float>& values) {
    auto& tensor = Tensor(name, ::onnx::TensorProto::FLOAT, sizes);
    for (const float value : values) tensor.add_float_data(value);
    return *this;
  }
  // A list of int64, as shapes and axes are.
  ModelBuilder& Integers(const std::string& name, const std::vector<int64_t>& values) {
    auto& tensor = Tensor(name, ::onnx::TensorProto::INT64, {static_cast<int64_t>(values.size())});
    for (const int64_t value : values) tensor.add_int64_data(value);
    return *this;
  }

  ::onnx::ModelProto& model() { return model_; }
  ::onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  std::string Bytes() const { return model_.SerializeAsString(); }

  Result<OnnxImport> Import(const OnnxImportOptions& options = {}) const {
    return ImportBytes(Bytes(), options);
  }
  static Result<OnnxImport> ImportBytes(std::string_view bytes,
                                        const OnnxImportOptions& options = {}) {
    return ImportOnnx({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, options);
  }

 private:
  ::onnx::ModelProto model_;
};

inline ::onnx::AttributeProto& AddAttribute(::onnx::NodeProto& node, const std::string& name,
                                            ::onnx::AttributeProto::AttributeType type) {
  auto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}
inline void SetInt(::onnx::NodeProto& node, const std::string& name, int64_t value) {
  AddAttribute(node, name, ::onnx::AttributeProto::INT).set_i(value);
}
inline void SetString(::onnx::NodeProto& node, const std::string& name, const std::string& value) {
  AddAttribute(node, name, ::onnx::AttributeProto::STRING).set_s(value);
}
inline void SetInts(::onnx::NodeProto& node, const std::string& name,
                    const std::vector<int64_t>& values) {
  auto& attribute = AddAttribute(node, name, ::onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute.add_ints(value);
}

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_TESTING_MODEL_BUILDER_H_
