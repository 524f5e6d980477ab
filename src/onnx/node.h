// OnnxNode: one node of an ONNX graph while it is imported: names and attributes,
// each checked for its type when it is asked for. Remembers which attributes were
// asked for: one that nobody knows would change the node's meaning unseen.
#ifndef SIGNUM_ONNX_NODE_H_
#define SIGNUM_ONNX_NODE_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "onnx/constant.h"
#include "signum/result.h"

namespace onnx {
class AttributeProto;
class NodeProto;
}  // namespace onnx

namespace signum::onnx {

class OnnxNode {
 public:
  // `opset` is the version of the node's domain that the model imports. `proto` must
  // outlive the node.
  OnnxNode(const ::onnx::NodeProto& proto, int64_t opset);

  const std::string& op() const;      // "Conv"
  const std::string& domain() const;  // "" for ONNX's own
  const std::string& name() const { return name_; }
  int64_t opset() const { return opset_; }
  const ::onnx::NodeProto& proto() const { return proto_; }
  int outputs() const;

  // The attribute, or `otherwise` where there is none. An error names the attribute
  // where it is of another type.
  Result<int64_t> Int(const char* name, int64_t otherwise) const;
  Result<float> Float(const char* name, float otherwise) const;
  Result<std::string> String(const char* name, const std::string& otherwise) const;
  Result<std::vector<int64_t>> Ints(const char* name, std::vector<int64_t> otherwise) const;
  Result<std::vector<float>> Floats(const char* name, std::vector<float> otherwise) const;
  Result<std::optional<Constant>> Tensor(const char* name) const;
  bool Has(const char* name) const;

  // Attributes that mean nothing here, whatever they hold.
  void Ignore(const char* name) const { asked_.insert(name); }

  // kUnsupported, naming it, where the node has an attribute that nobody asked for.
  Status AllAsked() const;

 private:
  const ::onnx::AttributeProto* Find(const char* name) const;

  const ::onnx::NodeProto& proto_;
  std::string name_;
  int64_t opset_;
  mutable std::set<std::string, std::less<>> asked_;
};

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_NODE_H_
