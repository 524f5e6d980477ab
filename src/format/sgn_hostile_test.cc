// Files that no writer of ours would make: built by hand, sealed correctly.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <limits>

#include "format/sgn.h"
#include "format/sgn_wire.h"
#include "sgn_generated.h"

namespace signum::format {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using ::testing::AnyOf;
using ::testing::HasSubstr;

// What a hand-made linear layer of {2, 5} 3-bit codes says; each test bends one thing.
struct Layer {
  std::string name = "fc";
  std::vector<int32_t> inputs{0};
  std::vector<int64_t> shape{2, 5};
  std::vector<uint8_t> data = std::vector<uint8_t>(4);
  int bits = 3;
  int role = 0, encoding = 1;
  int op_type = static_cast<int>(sgn::Op::Linear);
  uint32_t version = kFormatVersion;
  std::string key = "key";
  bool twice = false;  // the weight is given twice
};

std::vector<uint8_t> Seal(FlatBufferBuilder& b) {
  std::vector<uint8_t> bytes(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
  auto* root = flatbuffers::GetMutableRoot<flatbuffers::Table>(bytes.data());
  root->SetField<uint64_t>(sgn::Model::VT_FILE_BYTES, bytes.size());
  const size_t skip = root->GetAddressOf(sgn::Model::VT_CHECKSUM) - bytes.data();
  root->SetField<uint64_t>(sgn::Model::VT_CHECKSUM, Checksum(bytes, skip));
  return bytes;
}

std::vector<uint8_t> Finish(FlatBufferBuilder& b, const std::vector<Offset<sgn::Node>>& nodes,
                            uint32_t version = kFormatVersion, const std::string& key = "key") {
  const auto written = b.CreateVector(nodes);
  const auto text = b.CreateString(key);
  const std::vector<Offset<sgn::Fact>> facts{sgn::CreateFact(b, text, text)};
  const auto metadata = b.CreateVector(facts);
  b.Finish(sgn::CreateModel(b, version, 1, 1, 0, 0, 0, metadata, written), sgn::ModelIdentifier());
  return Seal(b);
}

Offset<sgn::Node> InputNode(FlatBufferBuilder& b, const std::vector<int64_t>& shape) {
  const auto op = sgn::CreateInput(b, b.CreateVector(shape));
  return sgn::CreateNode(b, b.CreateString("input"), sgn::Op::Input, op.Union());
}

std::vector<uint8_t> FileOf(const Layer& layer) {
  FlatBufferBuilder b;
  const auto input = InputNode(b, {1, 5});
  const auto float_data = b.CreateVector(std::vector<uint8_t>{0, 0, 128, 63, 0, 0, 128, 63});
  const auto scale_shape = b.CreateVector(std::vector<int64_t>{2});
  const auto scale = sgn::CreateParameter(b, sgn::Role::weight_scale, sgn::Encoding::float32,
                                          scale_shape, float_data);
  const auto shape = b.CreateVector(layer.shape);
  const auto weight = sgn::CreateParameter(b, static_cast<sgn::Role>(layer.role),
                                           static_cast<sgn::Encoding>(layer.encoding), shape,
                                           b.CreateVector(layer.data));
  std::vector<Offset<sgn::Parameter>> parameters{weight, scale};
  if (layer.twice) parameters.push_back(weight);
  const sgn::WeightQuantizer quantizer(static_cast<uint8_t>(layer.bits), true);
  const auto op = sgn::CreateLinear(b, 2, false, &quantizer);
  const auto inputs = b.CreateVector(layer.inputs);
  const auto written = b.CreateVector(parameters);
  const auto node =
      sgn::CreateNode(b, b.CreateString(layer.name), static_cast<sgn::Op>(layer.op_type),
                      op.Union(), inputs, written);
  return Finish(b, {input, node}, layer.version, layer.key);
}

std::string MessageOf(const std::vector<uint8_t>& bytes) {
  const Result<Graph> graph = ParseSgn(bytes);
  return graph ? "no error" : graph.error().message;
}

TEST(SgnHostile, TheUnbentLayerLoads) { EXPECT_EQ(MessageOf(FileOf({})), "no error"); }

TEST(SgnHostile, NewerVersionsAndUnknownThingsAskForAnUpdate) {
  EXPECT_EQ(MessageOf(FileOf({.version = 2})),
            "has format version 2, this Signum reads up to 1: made by a newer Signum; update");
  EXPECT_EQ(ParseSgn(FileOf({.version = 2})).error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(MessageOf(FileOf({.version = 0})), HasSubstr("no version"));
  EXPECT_THAT(MessageOf(FileOf({.op_type = 99})),
              HasSubstr("node 'fc': operator 99 is not one that this version knows; update"));
  EXPECT_THAT(MessageOf(FileOf({.role = 8})), HasSubstr("parameter role 8"));
  EXPECT_THAT(MessageOf(FileOf({.encoding = 2})), HasSubstr("weight has encoding 2"));
}

TEST(SgnHostile, ShapeAndDataMustAgreeBeforeAnythingIsAllocated) {
  EXPECT_EQ(MessageOf(FileOf({.data = {0, 0, 0}})),
            "malformed: node 'fc': weight has 10 codes in 3 bytes, expected 4; export it again");
  EXPECT_THAT(MessageOf(FileOf({.encoding = 0})),
              HasSubstr("weight has 10 floats in 4 bytes, expected 40"));
  EXPECT_THAT(MessageOf(FileOf({.shape = {1 << 30, 8}})),
              HasSubstr("has 8589934592 codes in 4 bytes, expected 3221225472"));
  for (const std::vector<int64_t>& shape :
       {std::vector<int64_t>{-2, -5}, {0, 5}, {int64_t{1} << 62, 4, 10}, {1 << 30, 9}}) {
    EXPECT_THAT(MessageOf(FileOf({.shape = shape})), HasSubstr("impossible s"));
  }
  EXPECT_THAT(MessageOf(FileOf({.shape = std::vector<int64_t>(9, 1)})), HasSubstr("9 axes"));
}

TEST(SgnHostile, CodesMustBeInRange) {
  EXPECT_EQ(MessageOf(FileOf({.data = {0x04, 0, 0, 0}})),
            "malformed: node 'fc': weight is not valid: code 0 is -4, below the least 3-bit code "
            "of -3; export it again");
  EXPECT_THAT(MessageOf(FileOf({.data = {0, 0, 0, 0x40}})), HasSubstr("unused bit"));
  EXPECT_THAT(MessageOf(FileOf({.bits = 0})), HasSubstr("no weight quantizer of 1 to 8 bits"));
  EXPECT_THAT(MessageOf(FileOf({.bits = 9})), HasSubstr("no weight quantizer of 1 to 8 bits"));
}

TEST(SgnHostile, NamesInputsAndRolesMustBeSound) {
  EXPECT_THAT(MessageOf(FileOf({.name = "input"})), HasSubstr("two of them have this name"));
  EXPECT_THAT(MessageOf(FileOf({.name = "f\nc"})), HasSubstr("name of node 1: 'f?c'"));
  EXPECT_THAT(MessageOf(FileOf({.name = ""})), HasSubstr("no name"));
  EXPECT_THAT(MessageOf(FileOf({.name = std::string(2000, 'x')})), HasSubstr("over 1024 bytes"));
  EXPECT_THAT(MessageOf(FileOf({.key = "\xFF"})), HasSubstr("'?' is not UTF-8"));
  EXPECT_THAT(MessageOf(FileOf({.twice = true})), HasSubstr("weight is given twice"));
  for (int32_t input : {1, 2, -1, 1 << 30}) {
    EXPECT_THAT(MessageOf(FileOf({.inputs = {input}})),
                HasSubstr(fmt::format("input {} is not an earlier node", input)));
  }
  EXPECT_THAT(MessageOf(FileOf({.inputs = {0, 0}})), HasSubstr("has 2 inputs"));
}

TEST(SgnHostile, SizesOfAxesCannotOverflow) {
  constexpr int64_t kLowest = std::numeric_limits<int64_t>::min();
  FlatBufferBuilder b;
  const auto input = InputNode(b, {1, 5});
  const auto before = b.CreateVector(std::vector<int64_t>{0, kLowest});
  // The sum of both wraps around to 0.
  const auto op = sgn::CreatePad(b, before, before, 0);
  const auto inputs = b.CreateVector(std::vector<int32_t>{0});
  const auto node = sgn::CreateNode(b, b.CreateString("pad"), sgn::Op::Pad, op.Union(), inputs);
  EXPECT_THAT(MessageOf(Finish(b, {input, node})),
              HasSubstr("node 'pad': has an axis of the impossible size -9223372036854775808"));
}

TEST(SgnHostile, AValueKeepsItsBatchAxis) {
  FlatBufferBuilder b;
  const auto input = InputNode(b, {1, 1, 1, 1});
  const auto op = sgn::CreateReshape(b, b.CreateVector(std::vector<int64_t>{}));
  const auto inputs = b.CreateVector(std::vector<int32_t>{0});
  const auto node =
      sgn::CreateNode(b, b.CreateString("flat"), sgn::Op::Reshape, op.Union(), inputs);
  EXPECT_THAT(MessageOf(Finish(b, {input, node})),
              HasSubstr("node 'flat' (Reshape): cannot reshape to no axes"));
}

// FlatBuffers 2.0.8 verifies where a vector's length stands, not its elements.
TEST(SgnHostile, MisalignedShapesAreRefused) {
  int misaligned = 0;
  for (bool shifted : {false, true}) {
    FlatBufferBuilder b;
    if (shifted) b.PushElement<uint32_t>(0);
    b.StartVector(4, sizeof(uint32_t));
    for (uint32_t half : {0, 5, 0, 1}) b.PushElement(half);  // backwards: {1, 5}
    const Offset<flatbuffers::Vector<int64_t>> shape(b.EndVector(2));
    const auto op = sgn::CreateInput(b, shape);
    const auto input = sgn::CreateNode(b, b.CreateString("input"), sgn::Op::Input, op.Union());
    const std::string message = MessageOf(Finish(b, {input}));
    misaligned += message.find("misaligned") != std::string::npos;
    EXPECT_THAT(message, AnyOf(HasSubstr("misaligned"), HasSubstr("no operator")));
  }
  EXPECT_EQ(misaligned, 1);
}

TEST(SgnHostile, ManyNodesCannotShareOneLargeWeight) {
  FlatBufferBuilder b;
  std::vector<Offset<sgn::Node>> nodes{InputNode(b, {1, 1 << 20})};
  const auto data = b.CreateVector(std::vector<uint8_t>(1 << 17, 0xFF));
  const auto shape = b.CreateVector(std::vector<int64_t>{1, 1 << 20});
  const std::vector<Offset<sgn::Parameter>> parameters{
      sgn::CreateParameter(b, sgn::Role::weight, sgn::Encoding::codes, shape, data)};
  const auto written = b.CreateVector(parameters);
  const sgn::WeightQuantizer quantizer(1, true);
  const auto op = sgn::CreateLinear(b, 1, false, &quantizer);
  const auto inputs = b.CreateVector(std::vector<int32_t>{0});
  for (int i = 0; i < 10000; ++i) {  // 10 GB if each had its copy
    const auto name = b.CreateString(fmt::format("fc{}", i));
    nodes.push_back(sgn::CreateNode(b, name, sgn::Op::Linear, op.Union(), inputs, written));
  }
  EXPECT_THAT(MessageOf(Finish(b, nodes)), HasSubstr("more bytes than the file has"));
}

TEST(SgnHostile, TooManyNodesAreRefused) {
  FlatBufferBuilder b;
  const auto input = InputNode(b, {1, 1});
  EXPECT_THAT(MessageOf(Finish(b, std::vector<Offset<sgn::Node>>(kMaxNodes + 1, input))),
              HasSubstr("has 16385 nodes; at most 16384"));
  FlatBufferBuilder c;
  const auto other = InputNode(c, {1, 1});
  EXPECT_THAT(MessageOf(Finish(c, std::vector<Offset<sgn::Node>>(1000000, other))),
              HasSubstr("too many parts"));
}

}  // namespace
}  // namespace signum::format
