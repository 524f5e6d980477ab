#include "onnx/node.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

namespace signum::onnx {
namespace {

using ::onnx::AttributeProto;
using ::onnx::NodeProto;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

AttributeProto& Add(NodeProto& proto, const std::string& name,
                    AttributeProto::AttributeType type = AttributeProto::UNDEFINED) {
  AttributeProto& attribute = *proto.add_attribute();
  attribute.set_name(name);
  if (type != AttributeProto::UNDEFINED) attribute.set_type(type);
  return attribute;
}

TEST(OnnxNode, IsNamedAfterItsFirstOutputWhereItHasNoName) {
  NodeProto proto;
  proto.set_op_type("Conv");
  proto.set_domain("ai.onnx");
  EXPECT_EQ(OnnxNode(proto, 13).name(), "");
  proto.add_output("y");
  EXPECT_EQ(OnnxNode(proto, 13).name(), "y");
  proto.set_name("conv1");
  const OnnxNode node(proto, 13);
  EXPECT_EQ(node.name(), "conv1");
  EXPECT_EQ(node.op(), "Conv");
  EXPECT_EQ(node.domain(), "");
  EXPECT_EQ(node.outputs(), 1);
  proto.set_domain("qonnx.custom_op.general");
  EXPECT_EQ(node.domain(), "qonnx.custom_op.general");
}

TEST(OnnxNode, ReadsAttributesOfEveryType) {
  NodeProto proto;
  Add(proto, "int", AttributeProto::INT).set_i(-3);
  Add(proto, "float", AttributeProto::FLOAT).set_f(0.5f);
  Add(proto, "string", AttributeProto::STRING).set_s("SAME_UPPER");
  AttributeProto& ints = Add(proto, "ints", AttributeProto::INTS);
  ints.add_ints(1);
  ints.add_ints(2);
  Add(proto, "floats", AttributeProto::FLOATS).add_floats(1.5f);
  auto& tensor = *Add(proto, "tensor", AttributeProto::TENSOR).mutable_t();
  tensor.set_data_type(::onnx::TensorProto::INT64);
  tensor.add_int64_data(9);
  Add(proto, "empty");  // of a type that is not told
  const OnnxNode node(proto, 13);
  EXPECT_EQ(*node.Int("int", 0), -3);
  EXPECT_EQ(*node.Float("float", 0), 0.5f);
  EXPECT_EQ(*node.String("string", ""), "SAME_UPPER");
  EXPECT_THAT(*node.Ints("ints", {}), ElementsAre(1, 2));
  EXPECT_THAT(*node.Floats("floats", {}), ElementsAre(1.5f));
  EXPECT_EQ(**node.Tensor("tensor"), Constant::OfIntegers(ElementType::kInt64, {}, {9}));
  EXPECT_THAT(*node.Ints("empty", {7}), ElementsAre());
  EXPECT_EQ(*node.Int("none", 4), 4);
  EXPECT_EQ(*node.String("none", "NOTSET"), "NOTSET");
  EXPECT_THAT(*node.Ints("none", {7}), ElementsAre(7));
  EXPECT_FALSE(node.Tensor("none")->has_value());
  EXPECT_TRUE(node.Has("int"));
  EXPECT_FALSE(node.Has("none"));
}

TEST(OnnxNode, OldFilesLeaveTheTypeToTheField) {
  NodeProto proto;
  Add(proto, "int").set_i(0);
  Add(proto, "ints").add_ints(5);
  const OnnxNode node(proto, 7);
  EXPECT_EQ(*node.Int("int", 3), 0);
  EXPECT_THAT(*node.Ints("ints", {}), ElementsAre(5));
  EXPECT_THAT(node.Float("int", 0).error().message, HasSubstr("'int' is of type INT, not FLOAT"));
}

TEST(OnnxNode, AttributesOfOtherTypesAreNamed) {
  NodeProto proto;
  Add(proto, "axis", AttributeProto::FLOAT).set_f(1);
  Add(proto, "body", AttributeProto::GRAPH).mutable_g();
  auto& tensor = *Add(proto, "value", AttributeProto::TENSOR).mutable_t();
  tensor.set_data_type(::onnx::TensorProto::STRING);
  Add(proto, "alpha", AttributeProto::FLOAT).set_ref_attr_name("alpha_of_function");
  const OnnxNode node(proto, 13);
  EXPECT_THAT(node.Int("axis", 0).error().message, HasSubstr("'axis' is of type FLOAT, not INT"));
  EXPECT_THAT(node.Int("body", 0).error().message, HasSubstr("'body' is of type GRAPH"));
  EXPECT_THAT(node.Tensor("value").error().message,
              HasSubstr("'value': is of element type string"));
  EXPECT_THAT(node.Float("alpha", 0).error().message, HasSubstr("'alpha' refers"));
}

TEST(OnnxNode, KnowsWhichAttributesNobodyAskedFor) {
  NodeProto proto;
  proto.set_op_type("Conv");
  Add(proto, "group", AttributeProto::INT).set_i(1);
  Add(proto, "doc", AttributeProto::STRING);
  const OnnxNode node(proto, 13);
  EXPECT_THAT(node.AllAsked().error().message, HasSubstr("'group'"));
  ASSERT_TRUE(node.Int("group", 1).has_value());
  EXPECT_EQ(node.AllAsked().error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(node.AllAsked().error().message, HasSubstr("Conv with the attribute 'doc'"));
  node.Ignore("doc");
  EXPECT_TRUE(node.AllAsked().has_value());
  Add(proto, "group", AttributeProto::INT).set_i(2);
  EXPECT_THAT(node.AllAsked().error().message, HasSubstr("'group' twice"));
}

}  // namespace
}  // namespace signum::onnx
