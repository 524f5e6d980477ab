#include "format/sgn.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <set>
#include <string>
#include <string_view>

#include "base/file.h"
#include "format/sgn_wire.h"
#include "format/sgn_writer.h"
#include "format/test_graphs.h"

namespace signum::format {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string RefusalOf(std::span<const uint8_t> bytes) {
  const Result<Graph> graph = ParseSgn(bytes);
  return graph ? "no error" : graph.error().message;
}

// A path in a folder of this process.
std::string TestPath(const std::string& name) {
  const std::string folder = ::testing::TempDir() + fmt::format("/signum_sgn_{}", getpid());
  std::filesystem::create_directories(folder);
  return folder + "/" + name;
}

TEST(Sgn, EveryOperatorAndAttributeComesBack) {
  const Graph graph = EveryOpGraph();
  const Status verified = Verify(graph);
  ASSERT_TRUE(verified.has_value()) << verified.error().message;
  std::set<size_t> kinds;
  for (const Node& node : graph.nodes()) kinds.insert(node.op.index());
  ASSERT_EQ(kinds.size(), std::variant_size_v<Op>) << "an operator is missing from the test";

  const Result<Graph> read = ParseSgn(SerializeSgn(graph));
  ASSERT_TRUE(read.has_value()) << read.error().message;
  ASSERT_EQ(read->size(), graph.size());
  for (NodeId id = 0; id < graph.size(); ++id) {
    EXPECT_TRUE(read->node(id) == graph.node(id)) << graph.node(id).name;
  }
  EXPECT_TRUE(*read == graph);
}

TEST(Sgn, TheSameGraphGivesTheSameBytes) {
  const Graph graph = EveryOpGraph();
  const std::vector<uint8_t> bytes = SerializeSgn(graph);
  EXPECT_EQ(bytes, SerializeSgn(EveryOpGraph()));
  EXPECT_EQ(bytes, SerializeSgn(*ParseSgn(bytes)));
}

// The tiny graph as format version 1 wrote it, in 768 bytes.
constexpr std::string_view kTinyFile =
    "1c00000053474e311400300004001c00240008000c0010001400180014000000010000002800000030000000"
    "38000000500000005400000000030000000000009fb0059c13ca56e300000000040000007465737400000000"
    "0400000074696e79000000000200000010000000040000000300000079657300020000006e6f000001000000"
    "2000000004000000280200001c010000e40000003000000008000c0004000800080000001400000004000000"
    "040000006e6f6e65000000000400000064617461000000002affffff000000040c000000940000000c000000"
    "0200000066630000020000003c0000000400000018ffffff000000011400000004000000080000000000003e"
    "000080bf0100000002000000000000000c000c0000000000040008000c000000240000000400000018000000"
    "0000803f000000c000004040000000bf0000803e000000000200000002000000000000000300000000000000"
    "080010000800070008000000000000010200000000000000cefeffff0000000e080000001400000007000000"
    "666c617474656e00040006000400000000000e001400080007000c00000010000e000000000000030c000000"
    "b40000001000000004000000636f6e7600000000020000004c000000100000000c0010000700000008000c00"
    "0c0000000000000218000000040000000c0000000000003f0000803f0000803e010000000300000000000000"
    "0c0010000000070008000c000c00000000000001100000000400000002000000090700000400000003000000"
    "000000000100000000000000020000000000000002000000000000000000000010003e00340004002c000000"
    "0000320010000000020000000200000001000000010000000100000001000000000000000000000000000000"
    "000000000100000000000101030000000000000000000a001000080007000c000a0000000000000108000000"
    "1400000005000000696e70757400060008000400060000000400000004000000010000000000000001000000"
    "0000000002000000000000000200000000000000";

// Where this fails, the format has changed: files of earlier versions must
// still load (the next test), and older readers must not misunderstand the new
// ones (else raise kFormatVersion).
TEST(Sgn, TheBytesOfATinyGraphAreFixed) {
  std::string hex;
  for (uint8_t byte : SerializeSgnAs(TinyGraph(), "test")) hex += fmt::format("{:02x}", byte);
  EXPECT_EQ(hex, kTinyFile);
}

TEST(Sgn, AFileOfVersion1Loads) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i < kTinyFile.size(); i += 2) {
    bytes.push_back(
        static_cast<uint8_t>(std::stoi(std::string(kTinyFile.substr(i, 2)), nullptr, 16)));
  }
  const Result<Graph> graph = ParseSgn(bytes);
  ASSERT_TRUE(graph.has_value()) << graph.error().message;
  EXPECT_TRUE(*graph == TinyGraph());
}

TEST(Sgn, PrecisionsOfOneNetworkComeBack) {
  const std::string path = TestPath("precisions.sgn");
  PrecisionGraphs graphs{{1, ResNet20W1A8(true)}, {8, ResNet20W1A8(false)}, {32, TinyGraph()}};
  for (auto& [bits, graph] : graphs) {  // as precisions of one network would
    graph.name = "network";
    graph.metadata = {{"data", "none"}};
    graph.class_names = {};
  }
  ASSERT_TRUE(WriteSgn(graphs, path));
  for (const auto& [bits, graph] : graphs) {
    const Result<Graph> read = ReadSgn(path, bits);
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_TRUE(*read == graph) << bits;
  }
  EXPECT_TRUE(*ReadSgn(path) == graphs.at(32));
  EXPECT_EQ(*ReadPrecisions(path), (std::vector{1, 8, 32}));
  EXPECT_THAT(ReadSgn(path, 2).error().message, HasSubstr("it has 1, 8, 32"));
  // A file of one network is of no number of bits.
  ASSERT_TRUE(WriteSgn(TinyGraph(), path));
  EXPECT_THAT(ReadSgn(path, 8).error().message, HasSubstr("one network"));
  EXPECT_TRUE(ReadPrecisions(path)->empty());
  EXPECT_THAT(ReadPrecisions(path + "x").error().message, HasSubstr(path + "x"));
}

TEST(Sgn, OneBitWeightsAreStoredAsBits) {
  const Graph unfolded = ResNet20W1A8(false);
  const std::vector<uint8_t> bytes = SerializeSgn(unfolded);
  int64_t parameters = 0;
  for (const Node& node : unfolded.nodes()) {
    for (const auto& [role, tensor] : node.parameters) {
      if (role == "weight" || role == "bias") parameters += tensor.elements();
    }
  }
  EXPECT_EQ(parameters, 272474);
  const size_t folded = SerializeSgn(ResNet20W1A8(true)).size();
  RecordProperty("resnet20_w1a8_bytes", static_cast<int>(bytes.size()));
  std::printf("ResNet-20 W1A8: %zu bytes, batch normalization folded: %zu\n", bytes.size(), folded);
  // The numbers alone are 50,560 bytes, or 41,152 folded (codes 34,800; 4 for
  // each bias and scale, 16 for each of 784 channels' statistics).
  EXPECT_LT(bytes.size(), 62000u);
  EXPECT_LT(folded, 50000u);
  const Result<Graph> read = ParseSgn(bytes);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_TRUE(*read == unfolded);
}

TEST(Sgn, BytesNeedNoAlignment) {
  const std::vector<uint8_t> bytes = SerializeSgn(TinyGraph());
  for (size_t shift = 1; shift < 8; ++shift) {
    std::vector<uint8_t> shifted(shift);
    shifted.insert(shifted.end(), bytes.begin(), bytes.end());
    const auto read = ParseSgn(std::span(shifted).subspan(shift));
    ASSERT_TRUE(read.has_value()) << read.error().message;
    EXPECT_TRUE(*read == TinyGraph());
  }
}

TEST(Sgn, FilesComeBackAndErrorsNameThePath) {
  const std::string path = TestPath("model.sgn");
  const Status written = WriteSgn(TinyGraph(), path);
  ASSERT_TRUE(written.has_value()) << written.error().message;
  const Result<Graph> read = ReadSgn(path);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_TRUE(*read == TinyGraph());

  ASSERT_TRUE(base::WriteFile(path, std::string_view("PK\3\4 no model, an archive")));
  EXPECT_THAT(ReadSgn(path).error().message,
              AllOf(StartsWith(path + ": not a Signum model (no SGN1 mark at byte 4)"),
                    HasSubstr("import")));
  std::vector<uint8_t> bytes = SerializeSgn(TinyGraph());
  bytes.resize(bytes.size() - 8);
  ASSERT_TRUE(base::WriteFile(path, bytes));
  EXPECT_THAT(ReadSgn(path).error().message,
              AllOf(StartsWith(path + ": truncated or damaged: has "),
                    HasSubstr("copy or download it again")));
  EXPECT_EQ(ReadSgn(TestPath("absent.sgn")).error().code, ErrorCode::kNotFound);
}

TEST(Sgn, TrailingBytesAndDamageAreNoticed) {
  const std::vector<uint8_t> bytes = SerializeSgn(TinyGraph());
  std::vector<uint8_t> longer = bytes;
  longer.push_back(0);
  EXPECT_EQ(
      RefusalOf(longer),
      fmt::format("truncated or damaged: has {} bytes, expected {}; copy or download it again",
                  bytes.size() + 1, bytes.size()));
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::vector<uint8_t> flipped = bytes;
    flipped[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_NE(RefusalOf(flipped), "no error") << "bit " << bit;
  }
  EXPECT_THAT(RefusalOf({}), HasSubstr("has only 0 bytes"));
}

TEST(Sgn, GraphsThatCouldNotBeReadAreNotWritten) {
  const std::string path = TestPath("refused.sgn");
  Graph nameless = TinyGraph();
  nameless.node(1).name = "con\x1b[31mv";
  EXPECT_THAT(WriteSgn(nameless, path).error().message,
              AllOf(HasSubstr(path), HasSubstr("'con?[31mv'")));
  Graph misfit = TinyGraph();
  misfit.node(3).parameters.erase("bias");
  EXPECT_THAT(WriteSgn(misfit, path).error().message, HasSubstr("node 'fc'"));
  Graph long_value = TinyGraph();
  long_value.metadata["notes"] = std::string(kMaxFactBytes + 1, 'x');
  EXPECT_THAT(WriteSgn(long_value, path).error().message, HasSubstr("'notes'"));
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(Sgn, TextsAreUtf8WithoutControlCharacters) {
  EXPECT_TRUE(IsText("", false));
  EXPECT_TRUE(IsText("layer1.0/conv Fuß 网络 \xF0\x9F\x90\xB1", false));
  EXPECT_TRUE(IsText("a\n\tb", true));
  for (const char* bad : {"a\nb", "\x1b[0m", "\x7f", "\xC2\x85", "\x80", "\xC0\xAF", "\xC3",
                          "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF8\x88"}) {
    EXPECT_FALSE(IsText(bad, false));
  }
  EXPECT_FALSE(IsText(std::string_view("a\0b", 3), true));
  EXPECT_EQ(Printable("a\nFu\xC3\x9F"), "a?Fu??");
}

}  // namespace
}  // namespace signum::format
