// A model file of ONNX as the importer walks it: parsed, its nodes in an order in which
// every one comes after what it reads, restricted to what one output needs.
#ifndef SIGNUM_ONNX_MODEL_H_
#define SIGNUM_ONNX_MODEL_H_

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "onnx/constant.h"
#include "onnx/import.h"
#include "signum/result.h"

namespace onnx {
class ModelProto;
class NodeProto;
class ValueInfoProto;
}  // namespace onnx

namespace signum::onnx {

// A tensor that the model gets from outside.
struct ModelInput {
  std::string name;
  ElementType type = ElementType::kFloat32;
  std::vector<int64_t> sizes;        // -1 where the model leaves one open
  std::vector<std::string> symbols;  // what it calls the open ones
};

struct Model {
  std::shared_ptr<const ::onnx::ModelProto> proto;  // what the pointers point into
  std::map<std::string, int64_t> opsets;            // by domain, "" for ONNX's own
  ModelInput input;
  std::string output;
  std::vector<const ::onnx::NodeProto*> nodes;          // that the output needs, in order
  std::map<std::string, ConstantPointer> initializers;  // that they read
};

// Parses the bytes and finds the input, the output that `options` asks for, and the way
// from the one to the other. An error where the bytes are no model, an opset is too new,
// a tensor is read that nobody gives or that two give, nodes read each other in a circle,
// and where the model has another number of inputs than one, or several outputs and no
// choice.
Result<Model> ReadModel(std::span<const uint8_t> bytes, const OnnxImportOptions& options);

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_MODEL_H_
