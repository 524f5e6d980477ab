// Imports single ONNX nodes by their functions and runs what they became, for tests.
#ifndef SIGNUM_ONNX_TESTING_NODE_IMPORTER_H_
#define SIGNUM_ONNX_TESTING_NODE_IMPORTER_H_

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <string>
#include <utility>
#include <vector>

#include "onnx/operators.h"
#include "onnx/recognize.h"
#include "runtime/testing/run_program.h"

namespace signum::onnx {

inline Value Floats(std::vector<int64_t> sizes, std::vector<float> values) {
  return Value::Of(Constant::OfFloats(std::move(sizes), std::move(values)));
}
inline Value Scalar(float number) { return Floats({}, {number}); }
inline Value Integers(ElementType type, std::vector<int64_t> sizes,
                      const std::vector<int64_t>& values) {
  return Value::Of(Constant::OfIntegers(type, std::move(sizes), values));
}

// A NodeProto with attributes.
class NodeText {
 public:
  explicit NodeText(const std::string& op, const std::string& domain = "") {
    proto_.set_op_type(op);
    proto_.set_domain(domain);
    *proto_.add_output() = std::string(1, 'y');
  }
  NodeText& Int(const std::string& name, int64_t value) {
    Add(name, ::onnx::AttributeProto::INT).set_i(value);
    return *this;
  }
  NodeText& Ints(const std::string& name, const std::vector<int64_t>& values) {
    auto& attribute = Add(name, ::onnx::AttributeProto::INTS);
    for (const int64_t value : values) attribute.add_ints(value);
    return *this;
  }
  NodeText& String(const std::string& name, const std::string& value) {
    Add(name, ::onnx::AttributeProto::STRING).set_s(value);
    return *this;
  }
  const ::onnx::NodeProto& proto() const { return proto_; }

 private:
  ::onnx::AttributeProto& Add(const std::string& name, ::onnx::AttributeProto::AttributeType type) {
    auto& attribute = *proto_.add_attribute();
    attribute.set_name(name);
    attribute.set_type(type);
    return attribute;
  }
  ::onnx::NodeProto proto_;
};

class NodeImporter {
 public:
  Value Input(std::vector<int64_t> sizes, ElementType type = ElementType::kFloat32) {
    return *builder_.AddInput("input", std::move(sizes), true, type);
  }

  Outputs Try(const NodeText& text, const std::vector<Value>& inputs, int64_t opset = 17) {
    const OnnxNode node(text.proto(), opset);
    builder_.SetNodeName(fmt::format("{}{}", node.op(), ++nodes_));
    const OperatorEntry* entry = FindOperator(node.domain(), node.op());
    if (entry == nullptr) return Unsupported("no such operator");
    Outputs outputs = entry->import(node, inputs, builder_);
    if (outputs) {
      SIGNUM_RETURN_IF_ERROR(node.AllAsked());
    }
    if (const auto refusals = builder_.TakeRefusals(); outputs && !refusals.empty()) {
      return InvalidArgument(refusals[0]);
    }
    return outputs;
  }

  // Its one output; fails the test where there is none.
  Value Import(const NodeText& text, const std::vector<Value>& inputs, int64_t opset = 17) {
    Outputs outputs = Try(text, inputs, opset);
    if (outputs) return (*outputs)[0];
    ADD_FAILURE() << text.proto().op_type() << ": " << outputs.error().message;
    return {};
  }

  // The reason of a refusal.
  std::string Refusal(const NodeText& text, const std::vector<Value>& inputs) {
    const Outputs outputs = Try(text, inputs);
    return outputs ? "accepted" : outputs.error().message;
  }

  // The graph that ends in the value: its integers, where it is integers.
  Graph Finish(const Value& value) {
    builder_.SetNodeName("output");
    const Value output = *builder_.AsNode(value);
    return RecognizePatterns(WithoutUnread(builder_.graph(), output.node));
  }

  std::vector<float> Run(const Value& value, const std::vector<float>& images, int64_t batch = 1,
                         Isa isa = Isa::kScalar) {
    return runtime::RunGraph(Finish(value), images, batch,
                             {.isa = isa, .threads = 1, .max_batch = batch});
  }

  GraphBuilder& builder() { return builder_; }

 private:
  FoldBudget budget_{int64_t{1} << 24};
  GraphBuilder builder_{budget_};
  int nodes_ = 0;
};

// "Input Quantize Convolution": the operators of a graph, in order.
inline std::string OpsOf(const Graph& graph) {
  std::string ops;
  for (const Node& node : graph.nodes()) {
    if (!ops.empty()) ops.push_back(' ');
    ops += OpName(node.op);
  }
  return ops;
}

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_TESTING_NODE_IMPORTER_H_
