#include "format/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/base64.h"
#include "format/test_graphs.h"
#include "format/test_torch_files.h"

namespace signum::format {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A file of this header, as long as it says or as `length` says.
std::vector<uint8_t> FileOf(const std::string& header, const std::string& data = "",
                            int64_t length = -1) {
  const auto bytes = static_cast<uint64_t>(length < 0 ? header.size() : length);
  return ToBytes(LittleEndian(bytes, 8) + header + data);
}

std::string Refuse(const std::vector<uint8_t>& bytes) {
  const auto file = ParseSafetensors(bytes);
  if (file) return "accepted";
  EXPECT_EQ(file.error().message.find('\n'), std::string::npos);
  return file.error().message;
}

std::string Refuse(const std::string& header, const std::string& data = "") {
  return Refuse(FileOf(header, data));
}

// One entry of a header.
std::string Entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  int begin, int end) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":[" + shape +
         "],\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]}";
}

TEST(Safetensors, ReadsAForeignFile) {
  // The data may lie in another order than the header's.
  const std::string header =
      "{\"__metadata__\":{\"format\":\"pt\"}," + Entry("b", "F16", "1,2", 8, 12) + "," +
      Entry("a.weight", "F32", "2", 0, 8) + "," + Entry("n", "I64", "", 12, 20) + "," +
      Entry("e", "F32", "0,5", 12, 12) + "}   ";
  const std::string data =
      FloatBytes({1.5f, -2}) + std::string("\x00\x3c\x00\xc0", 4) + LittleEndian(7, 8);
  const auto file = ParseSafetensors(FileOf(header, data));
  ASSERT_TRUE(file.has_value()) << file.error().message;
  ASSERT_EQ(file->tensors.size(), 4u);
  EXPECT_EQ(file->metadata.at("format"), "pt");
  EXPECT_FALSE(HasGraph(*file));
  EXPECT_THAT(ToFloats(file->tensors[0])->floats(), ElementsAre(1, -2));
  EXPECT_THAT(ToFloats(file->tensors[1])->floats(), ElementsAre(1.5f, -2));
  EXPECT_THAT(ToFloats(file->tensors[2]).error().message, HasSubstr("int64"));
  EXPECT_THAT(ToFloats(file->tensors[3]).error().message, HasSubstr("no elements"));
}

TEST(Safetensors, GraphsComeBackEqual) {
  for (const Graph& graph :
       {EveryOpGraph(), ResNet20W1A8(false), ResNet20W1A8(true), TinyGraph()}) {
    const std::vector<uint8_t> bytes = SerializeSafetensors(graph);
    EXPECT_TRUE(IsSafetensors(bytes));
    EXPECT_EQ(SerializeSafetensors(graph), bytes);
    const auto file = ParseSafetensors(bytes);
    ASSERT_TRUE(file.has_value()) << file.error().message;
    ASSERT_TRUE(HasGraph(*file));
    const Result<Graph> read = GraphOf(*file);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_EQ(*read, graph);
  }
}

TEST(Safetensors, DataIsAlignedAndFloatsComeFirst) {
  const std::vector<uint8_t> bytes = SerializeSafetensors(TinyGraph());
  const auto file = ParseSafetensors(bytes);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(bytes[0] % 8, 0);
  EXPECT_EQ(file->tensors.back().type, kInt8Elements);
  EXPECT_EQ(file->tensors.front().type, kFloat32Elements);
}

TEST(Safetensors, HeadersThatCannotBe) {
  EXPECT_THAT(Refuse(ToBytes("short")), HasSubstr("does not start"));
  EXPECT_THAT(Refuse(FileOf("{}", "", 1000)), HasSubstr("header has 1000 bytes, the file has 10"));
  EXPECT_THAT(Refuse(FileOf("{}", "", int64_t{1} << 40)), HasSubstr("does not start"));
  EXPECT_THAT(Refuse(FileOf("{}", "", 1)), HasSubstr("no JSON"));
  EXPECT_THAT(Refuse(FileOf("[]")), HasSubstr("does not start"));
  EXPECT_THAT(Refuse("{\"a\":"), HasSubstr("no JSON"));
  EXPECT_THAT(Refuse("{} x"), HasSubstr("no JSON"));
  EXPECT_THAT(Refuse("{\"a\xff\":{}}"), HasSubstr("no JSON"));
  EXPECT_THAT(Refuse("{\"a\":3}"), HasSubstr("has a number where 'a'"));
  EXPECT_THAT(Refuse("{\"a\":{}}"), HasSubstr("lacks the dtype, shape or data_offsets"));
  EXPECT_THAT(Refuse("{\"a\":{\"dtype\":3}}"), HasSubstr("has a number where 'dtype'"));
  EXPECT_THAT(Refuse("{\"a\":{\"shape\":[-1]}}"), HasSubstr("a negative number"));
  EXPECT_THAT(Refuse("{\"a\":{\"shape\":[1.5]}}"), HasSubstr("a fraction"));
  EXPECT_THAT(Refuse("{\"a\":{\"shape\":[[1]]}}"), HasSubstr("has a list where"));
  EXPECT_THAT(Refuse("{\"a\":{\"shape\":{}}}"), HasSubstr("has an object where"));
  EXPECT_THAT(Refuse("{\"a\":{\"more\":1}}"), HasSubstr("unknown field 'more' of tensor 'a'"));
  EXPECT_THAT(Refuse("{\"__metadata__\":{\"a\":1}}"), HasSubstr("has a number where 'a'"));
  EXPECT_THAT(Refuse("{\"__metadata__\":{\"a\":{}}}"), HasSubstr("has an object where 'a'"));
  EXPECT_THAT(Refuse("{\"__metadata__\":{\"a\":\"\",\"a\":\"\"}}"), HasSubstr("key twice"));
  EXPECT_THAT(Refuse("{\"a\":" + std::string(100000, '[')), HasSubstr("has a list where 'a'"));
  const std::string entry = Entry("a", "F32", "1", 0, 4);
  EXPECT_THAT(Refuse("{" + entry + "," + entry + "}", "1234"), HasSubstr("the name 'a' twice"));
  EXPECT_THAT(Refuse(std::string("{") + Entry("a\\nb", "F32", "1", 0, 4) + "}", "1234"),
              HasSubstr("'a?b'"));
  EXPECT_THAT(Refuse("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\"}}"),
              HasSubstr("'dtype' of tensor 'a' twice"));
}

TEST(Safetensors, TensorsThatCannotBe) {
  const auto refuse = [](const std::string& dtype, const std::string& shape, int begin, int end) {
    return Refuse(std::string("{") + Entry("a", dtype, shape, begin, end) + "}", "12345678");
  };
  EXPECT_EQ(refuse("F32", "2", 0, 8), "accepted");
  EXPECT_THAT(refuse("F33", "2", 0, 8), HasSubstr("unknown type 'F33'"));
  EXPECT_THAT(refuse("F32", "3", 0, 8), HasSubstr("has 8 bytes, which its shape"));
  EXPECT_THAT(refuse("F32", "3", 0, 12), HasSubstr("no range within the 8 bytes"));
  EXPECT_THAT(refuse("F32", "2", 8, 0), HasSubstr("no range"));
  EXPECT_THAT(refuse("F32", "1", 0, 4), HasSubstr("8 bytes of data, of which its tensors take 4"));
  EXPECT_THAT(refuse("F32", "1", 4, 8), HasSubstr("starts at byte 4"));
  EXPECT_THAT(refuse("F32", "4611686018427387904,4", 0, 8), HasSubstr("do not fit"));
  EXPECT_THAT(refuse("F32", "4611686018427387904,2,2,2,2", 0, 8), HasSubstr("do not fit"));
  EXPECT_THAT(refuse("F32", "0,18446744073709551615", 0, 0), HasSubstr("an impossible size"));
  EXPECT_THAT(refuse("F32", "1,1,1,1,1,1,1,1,2", 0, 8), HasSubstr("more than 8 axes"));
  EXPECT_THAT(Refuse(std::string("{") + Entry("a", "F32", "1", 0, 4) + "," +
                         Entry("b", "F16", "3", 2, 8) + "}",
                     "12345678"),
              HasSubstr("'b' starts at byte 2 of the data, where the one before it ends at 4: they "
                        "overlap"));
  EXPECT_THAT(Refuse(std::string("{") + Entry("a", "I8", "1", 0, 1) + "," +
                         Entry("b", "F32", "1", 4, 8) + "}",
                     "12345678"),
              HasSubstr("leave a gap"));
  EXPECT_THAT(Refuse("{\"a\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[0,1,1]}}", "1"),
              HasSubstr("no range"));
}

TEST(Safetensors, GraphsThatCannotBe) {
  const auto refuse = [](const std::string& graph, const std::string& tensors,
                         const std::string& data) {
    const auto file = ParseSafetensors(
        FileOf("{\"__metadata__\":{\"signum.graph\":\"" + graph + "\"}" + tensors + "}", data));
    if (!file) return file.error().message;
    const Result<Graph> read = GraphOf(*file);
    return read ? "accepted" : read.error().message;
  };
  EXPECT_THAT(refuse("???", "", ""), HasSubstr("no base64"));
  EXPECT_THAT(refuse("AAAA", "", ""), HasSubstr("the graph in its metadata: truncated"));
  // The structure of a graph whose parameters are not there, or too many.
  const auto file = ParseSafetensors(SerializeSafetensors(TinyGraph()));
  const std::string structure = file->metadata.at("signum.graph");
  EXPECT_THAT(refuse(structure, "", ""), HasSubstr("has no parameter"));
  EXPECT_THAT(refuse(structure, std::string(",") + Entry("x.weight", "F32", "1", 0, 4), "1234"),
              HasSubstr("'x.weight' belongs to no node"));
  EXPECT_THAT(refuse(structure, std::string(",") + Entry("weight", "F32", "1", 0, 4), "1234"),
              HasSubstr("'weight' belongs to no node"));
  const std::string node = TinyGraph().node(1).name;
  EXPECT_THAT(
      refuse(structure, std::string(",") + Entry(node + ".gamma", "F32", "1", 0, 4), "1234"),
      HasSubstr("unexpected parameter 'gamma'"));
  EXPECT_THAT(refuse(structure, std::string(",") + Entry(node + ".bias", "I8", "1", 0, 1), "1"),
              HasSubstr("is of type int8"));
}

TEST(Base64, IsThatOfRfc4648) {
  for (const auto& [bytes, text] :
       {std::pair{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}}) {
    EXPECT_EQ(ToBase64(ToBytes(bytes)), text);
    EXPECT_EQ(FromBase64(text), ToBytes(bytes));
  }
  for (const char* text : {"Z", "Zg", "Zg=", "Zh==", "Z===", "====", "Zm9=", "Z g=", "Zg==Zg=="}) {
    EXPECT_EQ(FromBase64(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace signum::format
