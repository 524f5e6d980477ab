// Nodes to be folded by tests, and constants in few letters. Only for tests.
#ifndef SIGNUM_ONNX_FOLD_TEST_CASE_H_
#define SIGNUM_ONNX_FOLD_TEST_CASE_H_

#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "onnx/fold.h"

namespace signum::onnx {

inline constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
inline constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

// A node to be folded, built up call by call.
class Case {
 public:
  Case(const std::string& op, int64_t opset) : opset_(opset) {
    proto_.set_op_type(op);
    proto_.add_output(std::string("y"));
  }
  Case&& Int(const std::string& name, int64_t value) && {
    Attribute(name, ::onnx::AttributeProto::INT).set_i(value);
    return std::move(*this);
  }
  Case&& Float(const std::string& name, float value) && {
    Attribute(name, ::onnx::AttributeProto::FLOAT).set_f(value);
    return std::move(*this);
  }
  Case&& String(const std::string& name, const std::string& value) && {
    Attribute(name, ::onnx::AttributeProto::STRING).set_s(value);
    return std::move(*this);
  }
  Case&& Ints(const std::string& name, const std::vector<int64_t>& values) && {
    auto& attribute = Attribute(name, ::onnx::AttributeProto::INTS);
    for (const int64_t value : values) attribute.add_ints(value);
    return std::move(*this);
  }
  Case&& In(Constant input) && {
    inputs_.push_back(std::make_shared<const Constant>(std::move(input)));
    return std::move(*this);
  }
  Case&& None() && {
    inputs_.push_back(nullptr);
    return std::move(*this);
  }
  Case&& Outputs(int count) && {
    while (proto_.output_size() < count) proto_.add_output(std::string("more"));
    return std::move(*this);
  }
  Case&& Budget(int64_t elements) && {
    budget_.elements = elements;
    return std::move(*this);
  }

  Result<std::vector<Constant>> Fold() && {
    const OnnxNode node(proto_, opset_);
    return onnx::Fold(node, inputs_, budget_);
  }
  std::vector<Constant> All() && {
    auto outputs = std::move(*this).Fold();
    EXPECT_TRUE(outputs.has_value()) << outputs.error().message;
    return outputs ? *outputs : std::vector<Constant>(8);
  }
  Constant One() && { return std::move(*this).All()[0]; }
  std::string Refused(ErrorCode code = ErrorCode::kInvalidArgument) && {
    const auto outputs = std::move(*this).Fold();
    if (outputs) return "folded";
    EXPECT_EQ(outputs.error().code, code) << outputs.error().message;
    return outputs.error().message;
  }

 private:
  ::onnx::AttributeProto& Attribute(const std::string& name,
                                    ::onnx::AttributeProto::AttributeType type) {
    ::onnx::AttributeProto& attribute = *proto_.add_attribute();
    attribute.set_name(name);
    attribute.set_type(type);
    return attribute;
  }

  ::onnx::NodeProto proto_;
  int64_t opset_;
  std::vector<ConstantPointer> inputs_;
  FoldBudget budget_{1000};
};

inline Constant F(std::vector<int64_t> sizes, std::vector<float> values) {
  return Constant::OfFloats(std::move(sizes), std::move(values));
}
inline Constant F(std::vector<float> values) {
  const auto size = static_cast<int64_t>(values.size());
  return F({size}, std::move(values));
}
inline Constant I(std::vector<int64_t> sizes, std::vector<int64_t> values,
                  ElementType type = ElementType::kInt64) {
  return Constant::OfIntegers(type, std::move(sizes), values);
}
inline Constant I(std::vector<int64_t> values) {
  const auto size = static_cast<int64_t>(values.size());
  return I({size}, std::move(values));
}
inline Constant Of(ElementType type, std::vector<int64_t> values) {
  const auto size = static_cast<int64_t>(values.size());
  return I({size}, std::move(values), type);
}
inline Constant B(std::vector<int64_t> values) { return Of(ElementType::kBool, std::move(values)); }
// 0, 1, 2, ... of these sizes.
inline Constant Counted(std::vector<int64_t> sizes) {
  int64_t count = 1;
  for (const int64_t size : sizes) count *= size;
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0f);
  return F(std::move(sizes), std::move(values));
}

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_FOLD_TEST_CASE_H_
