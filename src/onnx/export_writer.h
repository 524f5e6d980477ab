// GraphWriter: puts nodes and tensors into an ONNX graph under names that nothing
// else has. Knows no operator and no Graph.
#ifndef SIGNUM_ONNX_EXPORT_WRITER_H_
#define SIGNUM_ONNX_EXPORT_WRITER_H_

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace onnx {
class GraphProto;
class NodeProto;
class TensorProto;
}  // namespace onnx

namespace signum::onnx {

class GraphWriter {
 public:
  // `graph` must outlive the writer. `opset` is the version of ONNX's own operators.
  GraphWriter(::onnx::GraphProto& graph, int opset) : graph_(graph), opset_(opset) {}

  int opset() const { return opset_; }

  // Takes a name of a node, or of a value (tensors are values), that is not to be
  // given to another. Returns `name` itself, or where it is taken already, `name`
  // with a number.
  std::string TakeNodeName(const std::string& name);
  std::string TakeValueName(const std::string& name);

  // Appends a node; names are as given. Empty input names are inputs left out; those
  // at the end are dropped.
  ::onnx::NodeProto& AddNode(const std::string& op, const std::string& name,
                             std::vector<std::string> inputs, const std::string& output);
  // Appends a node of which node `owner` has need besides its own, named
  // OWNER.PART, and returns its value's name, which is the same where that is free.
  std::string AddPart(const std::string& op, const std::string& owner, const std::string& part,
                      std::vector<std::string> inputs, ::onnx::NodeProto** node = nullptr);

  // Append initializers, by default under names that were free, and return the names.
  // No sizes make a scalar.
  std::string AddFloats(const std::string& name, const std::vector<int64_t>& sizes,
                        std::span<const float> values);
  std::string AddInt8s(const std::string& name, const std::vector<int64_t>& sizes,
                       std::span<const int8_t> values);
  std::string AddUint8(const std::string& name, uint8_t value);
  std::string AddInt32s(const std::string& name, const std::vector<int64_t>& sizes,
                        std::span<const int32_t> values);
  std::string AddInt64s(const std::string& name, std::span<const int64_t> values);
  std::string AddFloat(const std::string& name, float value) {
    return AddFloats(name, {}, {&value, 1});
  }

  // Declares that the value `name` is the parameter of that name: AddFloats and its
  // siblings use it as it is. Before any value takes the name.
  void Reserve(const std::string& name) { reserved_.insert(name), values_.insert(name); }

 private:
  template <typename T>
  std::string AddTensor(const std::string& name, int type, const std::vector<int64_t>& sizes,
                        std::span<const T> values);

  ::onnx::GraphProto& graph_;
  int opset_;
  std::set<std::string> nodes_, values_, reserved_;
};

// Fills `tensor`, which has no name.
void SetFloats(::onnx::TensorProto& tensor, const std::vector<int64_t>& sizes,
               std::span<const float> values);

// Attributes.
void SetInt(::onnx::NodeProto& node, std::string_view name, int64_t value);
void SetFloat(::onnx::NodeProto& node, std::string_view name, float value);
void SetInts(::onnx::NodeProto& node, std::string_view name, std::span<const int64_t> values);
void SetString(::onnx::NodeProto& node, std::string_view name, std::string_view value);

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_EXPORT_WRITER_H_
