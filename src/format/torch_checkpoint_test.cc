#include "format/torch_checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/test_torch_files.h"

namespace signum::format {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<float> Values(const StoredTensor& stored) {
  const Result<Tensor> tensor = ToFloats(stored);
  if (!tensor) ADD_FAILURE() << tensor.error().message;
  return tensor ? std::vector<float>(tensor->floats().begin(), tensor->floats().end())
                : std::vector<float>();
}

// The message of the error that both containers give around a pickle.
std::string Refuse(const TestCheckpoint& checkpoint, const std::string& pickle) {
  const auto legacy = ParseTorchCheckpoint(ToBytes(LegacyFile(checkpoint, pickle)));
  const auto zip = ParseTorchCheckpoint(ToBytes(ZipFile(checkpoint, pickle)));
  EXPECT_FALSE(legacy.has_value());
  EXPECT_FALSE(zip.has_value());
  if (legacy || zip) return "accepted";
  EXPECT_EQ(zip.error().message.find('\n'), std::string::npos);
  return zip.error().message;
}

std::string Refuse(const TestCheckpoint& checkpoint) {
  return Refuse(checkpoint, TorchPickle(checkpoint, false));
}

std::string Message(const std::string& bytes) {
  const auto file = ParseTorchCheckpoint(ToBytes(bytes));
  return file ? "accepted" : file.error().message;
}

TestCheckpoint TwoTensors() {
  TestCheckpoint checkpoint;
  checkpoint.Add("conv1.weight", {2, 3}, {1, 2, 3, 4, 5, 6});
  checkpoint.Add("conv1.bias", {2}, {-1, 0.5f});
  return checkpoint;
}

TEST(TorchCheckpoint, BothContainersHoldTheSame) {
  for (const char* nested : {"", "state_dict", "model_state_dict", "model", "net"}) {
    TestCheckpoint checkpoint = TwoTensors();
    checkpoint.nested = nested;
    for (const std::string& bytes : {LegacyFile(checkpoint), ZipFile(checkpoint)}) {
      EXPECT_TRUE(IsTorchCheckpoint(ToBytes(bytes)));
      const auto file = ParseTorchCheckpoint(ToBytes(bytes));
      ASSERT_TRUE(file.has_value()) << file.error().message;
      ASSERT_EQ(file->tensors.size(), 2u);
      EXPECT_EQ(file->tensors[0].key, "conv1.weight");
      EXPECT_EQ(file->tensors[0].ShapeText(), "2x3");
      EXPECT_THAT(Values(file->tensors[0]), ElementsAre(1, 2, 3, 4, 5, 6));
      EXPECT_THAT(Values(file->tensors[1]), ElementsAre(-1, 0.5f));
    }
  }
}

TEST(TorchCheckpoint, WrappersPrefixesAreTakenOffWhereAllHaveThem) {
  TestCheckpoint checkpoint = TwoTensors();
  for (TestTensor& tensor : checkpoint.tensors) tensor.key = "module._orig_mod." + tensor.key;
  auto file = ParseTorchCheckpoint(ToBytes(ZipFile(checkpoint)));
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->tensors[1].key, "conv1.bias");
  checkpoint.tensors[1].key = "bias";
  file = ParseTorchCheckpoint(ToBytes(ZipFile(checkpoint)));
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_EQ(file->tensors[0].key, "module._orig_mod.conv1.weight");
}

TEST(TorchCheckpoint, ProtocolFourIsRecognized) {
  // Its first pickle is in a frame.
  std::string bytes = LegacyFile(TwoTensors());
  bytes.insert(2, std::string("\x95\x0d\0\0\0\0\0\0\0", 9));
  bytes[1] = 4;
  EXPECT_TRUE(IsTorchCheckpoint(ToBytes(bytes)));
  EXPECT_EQ(Message(bytes), "accepted");
  EXPECT_FALSE(IsTorchCheckpoint(ToBytes("\x80\x02}.")));
}

TEST(TorchCheckpoint, ViewsOfASharedStorage) {
  TestCheckpoint checkpoint = TwoTensors();
  // The transpose of the first, its second row, and a number from it.
  checkpoint.tensors.push_back({"t", "0", {3, 2}, {1, 3}});
  checkpoint.tensors.push_back({"row", "0", {3}, {1}, 3});
  checkpoint.tensors.push_back({"last", "0", {}, {}, 5});
  checkpoint.tensors.push_back({"none", "0", {0, 7}, {7, 1}, 6});
  for (const std::string& bytes : {LegacyFile(checkpoint), ZipFile(checkpoint)}) {
    const auto file = ParseTorchCheckpoint(ToBytes(bytes));
    ASSERT_TRUE(file.has_value()) << file.error().message;
    EXPECT_THAT(Values(file->tensors[2]), ElementsAre(1, 4, 2, 5, 3, 6));
    EXPECT_THAT(Values(file->tensors[3]), ElementsAre(4, 5, 6));
    EXPECT_THAT(Values(file->tensors[4]), ElementsAre(6));
    EXPECT_THAT(ToFloats(file->tensors[5]).error().message, HasSubstr("'none' of 0x7"));
  }
}

TEST(TorchCheckpoint, TheStrideOfASizeOfOneIsNeverTaken) {
  TestCheckpoint checkpoint = TwoTensors();
  checkpoint.tensors[0].sizes = {2, 1};
  checkpoint.tensors[0].strides = {5, std::numeric_limits<int64_t>::max()};
  const auto file = ParseTorchCheckpoint(ToBytes(ZipFile(checkpoint)));
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_THAT(Values(file->tensors[0]), ElementsAre(1, 6));
}

TEST(TorchCheckpoint, ParametersOfOldVersions) {
  using namespace std::string_literals;
  const TestCheckpoint checkpoint = TwoTensors();
  const TestTensor& tensor = checkpoint.tensors[0];
  const std::string parameter =
      PickleName("torch.nn.parameter", "Parameter") + PickleTensor(tensor, 6, "") + "\x85R"s;
  const std::string pickle = "\x80\x02}"s + PickleText(tensor.key) + parameter + "s.";
  const auto file = ParseTorchCheckpoint(ToBytes(ZipFile(checkpoint, pickle)));
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_THAT(Values(file->tensors[0]), ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(TorchCheckpoint, ViewOfAStorageInTheFormatBeforeZip) {
  const TestCheckpoint checkpoint = TwoTensors();
  const TestTensor tensor{"x", "0", {2}, {1}, 1};
  const auto file_with = [&](int64_t first, int64_t count) {
    const std::string view =
        "(" + PickleText("view") + PickleInteger(first) + PickleInteger(count) + "t";
    return LegacyFile(checkpoint, "\x80\x02}(" + PickleText("x") + PickleTensor(tensor, 6, view) +
                                      PickleText("y") +
                                      PickleTensor(checkpoint.tensors[1], 2, "N") + "u.");
  };
  const auto file = ParseTorchCheckpoint(ToBytes(file_with(2, 3)));
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_THAT(Values(file->tensors[0]), ElementsAre(4, 5));
  EXPECT_THAT(Message(file_with(2, 2)), HasSubstr("leads beyond the 2 elements"));
  EXPECT_THAT(Message(file_with(2, 5)), HasSubstr("viewed beyond its 6 elements"));
  EXPECT_THAT(Message(file_with(-1, 5)), HasSubstr("viewed beyond its 6 elements"));
}

TEST(TorchCheckpoint, FloatsOfEveryWidthAndNothingElse) {
  TestCheckpoint checkpoint;
  const auto add = [&](const char* storage_class, const std::string& bytes, int64_t elements) {
    const std::string key = std::to_string(checkpoint.storages.size());
    checkpoint.storages.push_back({key, bytes, elements});
    checkpoint.tensors.push_back({storage_class, key, {elements}, {1}, 0, storage_class});
  };
  // 1, -2, the smallest subnormal, the largest number, infinity.
  add("HalfStorage", std::string("\x00\x3c\x00\xc0\x01\x00\xff\x7b\x00\x7c", 10), 5);
  add("BFloat16Storage", std::string("\x80\x3f\x00\xc0", 4), 2);
  add("DoubleStorage", LittleEndian(0x3FF8000000000000, 8), 1);
  add("LongStorage", LittleEndian(7, 8), 1);
  const auto file = ParseTorchCheckpoint(ToBytes(ZipFile(checkpoint)));
  ASSERT_TRUE(file.has_value()) << file.error().message;
  EXPECT_THAT(Values(file->tensors[0]),
              ElementsAre(1, -2, 0x1p-24f, 65504, std::numeric_limits<float>::infinity()));
  EXPECT_THAT(Values(file->tensors[1]), ElementsAre(1, -2));
  EXPECT_THAT(Values(file->tensors[2]), ElementsAre(1.5f));
  EXPECT_THAT(ToFloats(file->tensors[3]).error().message,
              AllOf(HasSubstr("'LongStorage'"), HasSubstr("int64")));
  checkpoint.tensors[0].storage_class = "QInt32Storage";
  EXPECT_THAT(Refuse(checkpoint), HasSubstr("torch.QInt32Storage"));
}

TEST(TorchCheckpoint, AnythingButPlainTensorsIsRefusedByName) {
  using namespace std::string_literals;
  const TestCheckpoint checkpoint = TwoTensors();
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02" + PickleName("os", "system") + "X\x02\0\0\0ls\x85R."s),
              AllOf(HasSubstr("os.system"), HasSubstr("nothing is executed")));
  EXPECT_THAT(
      Refuse(checkpoint, "\x80\x02" + PickleText("builtins") + PickleText("eval") + "\x93."),
      HasSubstr("builtins.eval"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02ios\nsystem\n."), HasSubstr("0x69 (INST)"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02(oq."), HasSubstr("0x6f (OBJ)"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02\x82\x01."), HasSubstr("0x82 (EXT1)"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02))\x81."), HasSubstr("0x81 (NEWOBJ)"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02P0\n."), HasSubstr("0x50 (PERSID)"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02\xff."), HasSubstr("0xff (unknown)"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x05\x97."), HasSubstr("0x97 (NEXT_BUFFER)"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x06."), HasSubstr("protocol 6"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02" + PickleName("a\nb\x1b[31m", "c") + "."),
              HasSubstr("the Python object a.b?[31m"));
}

TEST(TorchCheckpoint, PicklesThatAreNoStateDict) {
  using namespace std::string_literals;
  const TestCheckpoint checkpoint = TwoTensors();
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02K\x01."), HasSubstr("holds no dict of tensors"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02}"s + PickleText("epoch") + "K\x01s."),
              HasSubstr("has 'epoch', but no tensors"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02}."), HasSubstr("has no keys, but no tensors"));
  const std::string tensor = PickleTensor(checkpoint.tensors[0], 6, "");
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02}K\x01" + tensor + "s."),
              HasSubstr("a key that is no string"));
  EXPECT_THAT(
      Refuse(checkpoint, "\x80\x02}(" + PickleText("a") + tensor + PickleText("a") + tensor + "u."),
      HasSubstr("'a' twice"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02}" + PickleText("a\nb") + tensor + "s."),
              HasSubstr("the key 'a?b'"));
}

TEST(TorchCheckpoint, SizesThatCannotBe) {
  const auto refuse = [](std::vector<int64_t> sizes, std::vector<int64_t> strides, int64_t offset) {
    TestCheckpoint checkpoint = TwoTensors();
    checkpoint.tensors[0].sizes = std::move(sizes);
    checkpoint.tensors[0].strides = std::move(strides);
    checkpoint.tensors[0].offset = offset;
    return Refuse(checkpoint);
  };
  constexpr int64_t kHuge = int64_t{1} << 62;
  EXPECT_THAT(refuse({2, 4}, {4, 1}, 0), HasSubstr("'conv1.weight' of 2x4 leads beyond the 6"));
  EXPECT_THAT(refuse({6}, {1}, 1), HasSubstr("leads beyond"));
  EXPECT_THAT(refuse({6}, {1}, -1), HasSubstr("starts at element -1"));
  EXPECT_THAT(refuse({6}, {1}, kHuge), HasSubstr("starts at element"));
  EXPECT_THAT(refuse({kHuge}, {1}, 0), HasSubstr("leads beyond"));
  EXPECT_THAT(refuse({kHuge, kHuge}, {kHuge, kHuge}, 0), HasSubstr("leads beyond"));
  EXPECT_THAT(refuse({kHuge}, {0}, 0), HasSubstr("repeats the 6 elements"));
  EXPECT_THAT(refuse({kHuge, kHuge, kHuge}, {0, 0, 0}, 0), HasSubstr("repeats"));
  EXPECT_THAT(refuse({-1, 6}, {6, 1}, 0), HasSubstr("may be negative"));
  EXPECT_THAT(refuse({6}, {-1}, 5), HasSubstr("may be negative"));
  EXPECT_THAT(refuse({6}, {}, 0), HasSubstr("1 sizes and 0 strides"));
  EXPECT_THAT(refuse({1, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}, 0),
              HasSubstr("9 sizes"));
}

TEST(TorchCheckpoint, StoragesThatCannotBe) {
  TestCheckpoint checkpoint = TwoTensors();
  checkpoint.storages[0].elements = int64_t{1} << 61;
  EXPECT_THAT(Refuse(checkpoint), HasSubstr("2305843009213693952 elements of float32, more than"));
  checkpoint.storages[0].elements = -6;
  EXPECT_THAT(Refuse(checkpoint), HasSubstr("-6 elements"));
  checkpoint = TwoTensors();
  checkpoint.storages[0].elements = 7;
  EXPECT_THAT(Message(ZipFile(checkpoint)),
              HasSubstr("'archive/data/0' has 24 bytes, expected 28"));
  checkpoint.storages[0].elements = 5;
  checkpoint.tensors[0].sizes = {5};
  checkpoint.tensors[0].strides = {1};
  EXPECT_THAT(Message(ZipFile(checkpoint)), HasSubstr("'archive/data/0' has more than 20 bytes"));
  checkpoint = TwoTensors();
  std::string other = TorchPickle(checkpoint, true);
  checkpoint.storages[0].elements = 5;
  EXPECT_THAT(Message(LegacyFile(checkpoint, other)),
              HasSubstr("5 elements in the storage '0', ex"));
  // Two tensors disagree on what they share.
  checkpoint = TwoTensors();
  checkpoint.tensors.push_back({"x", "0", {1}, {1}, 0, "DoubleStorage"});
  EXPECT_THAT(Refuse(checkpoint), HasSubstr("named twice, as 6 of float32 and 6 of float64"));
}

TEST(TorchCheckpoint, StoragesThatAreNotThere) {
  TestCheckpoint checkpoint = TwoTensors();
  const std::string legacy = TorchPickle(checkpoint, true), zip = TorchPickle(checkpoint, false);
  checkpoint.storages.pop_back();
  EXPECT_THAT(Message(LegacyFile(checkpoint, legacy)), HasSubstr("lacks the storage '1'"));
  EXPECT_THAT(Message(ZipFile(checkpoint, zip)), HasSubstr("no record 'archive/data/1'"));
  checkpoint = TwoTensors();
  checkpoint.storages.push_back({"2", "", 0});
  EXPECT_THAT(Message(LegacyFile(checkpoint, legacy)), HasSubstr("'2' that no tensor has"));
  checkpoint.storages[2] = checkpoint.storages[1];
  EXPECT_THAT(Message(LegacyFile(checkpoint, legacy)), HasSubstr("the storage '1' twice"));
}

TEST(TorchCheckpoint, CyclesAndDeepNestingAreHarmless) {
  using namespace std::string_literals;
  const TestCheckpoint checkpoint = TwoTensors();
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02]q\0h\0a."s), HasSubstr("no dict"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02}q\0"s + PickleText("state_dict") + "h\0s."s),
              HasSubstr("no tensors"));
  // A parameter that is made of itself, and a tuple of itself as its sizes.
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02" + PickleName("torch._utils", "_rebuild_parameter") +
                                     "]q\0h\0a\x85R."s),
              HasSubstr("no dict"));
  const std::string deep = std::string(200000, ']') + std::string(199999, 'a');
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02" + deep + "."), HasSubstr("no dict"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02)" + std::string(200000, '\x85') + "."),
              HasSubstr("no dict"));
  EXPECT_THAT(Refuse(checkpoint, "\x80\x02" + std::string(2000000, '}') + "."),
              HasSubstr("more than 1048576 values"));
}

TEST(TorchCheckpoint, ByteOrder) {
  TestCheckpoint checkpoint = TwoTensors();
  checkpoint.little_endian = false;
  EXPECT_THAT(Refuse(checkpoint), HasSubstr("big-endian"));
  EXPECT_THAT(Message(ZipOf({{"a/data.pkl", ""}, {"a/byteorder", "middle"}})),
              HasSubstr("byte order 'middle'"));
}

TEST(TorchCheckpoint, ArchivesThatAreNoCheckpoint) {
  EXPECT_THAT(Message(ZipOf({{"word/document.xml", "x"}})), HasSubstr("without a data.pkl"));
  EXPECT_THAT(Message(ZipOf({{"a/data.pkl", ""}, {"a/constants.pkl", ""}})),
              HasSubstr("TorchScript"));
  EXPECT_THAT(Message(ZipOf({{"a/data.pkl", ""}, {"a/data.pkl", ""}})), HasSubstr("there twice"));
  std::string bytes = ZipFile(TwoTensors());
  // The first entry of the directory: its method becomes deflate.
  std::string compressed = bytes;
  compressed[bytes.find("PK\x01\x02") + 10] = 8;
  EXPECT_THAT(Message(compressed), HasSubstr("compressed"));
  bytes[bytes.find("conv1.weight")] = 'C';
  EXPECT_THAT(Message(bytes), HasSubstr("'archive/data.pkl' is damaged (CRC error)"));
}

TEST(TorchCheckpoint, EveryTruncationIsAnError) {
  for (const std::string& bytes : {LegacyFile(TwoTensors()), ZipFile(TwoTensors())}) {
    for (size_t size = 0; size < bytes.size(); ++size) {
      EXPECT_NE(Message(bytes.substr(0, size)), "accepted") << size;
    }
  }
}

}  // namespace
}  // namespace signum::format
