#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file.h"
#include "onnx/tensor_proto.h"

namespace signum::onnx {
namespace {

namespace fs = std::filesystem;
using ::onnx::TensorProto;
using ::testing::HasSubstr;

class ExternalData : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(root_);
    fs::create_directories(root_ / "model" / "below");
    const std::string bytes = "0123456789";
    for (const char* place : {"secret", "model/weights", "model/below/weights"}) {
      ASSERT_TRUE(base::WriteFile(root_ / place, bytes));
    }
  }
  void TearDown() override { fs::remove_all(root_); }

  std::string folder() const { return root_ / "model"; }

  const fs::path root_ = fs::path(::testing::TempDir()) /
                         ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

// Three bytes of another file.
TensorProto Kept(const std::vector<std::pair<std::string, std::string>>& entries) {
  TensorProto tensor;
  tensor.set_data_type(TensorProto::INT8);
  tensor.add_dims(3);
  tensor.set_data_location(TensorProto::EXTERNAL);
  for (const auto& [key, value] : entries) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
  return tensor;
}

TensorProto At(const std::string& location) { return Kept({{"location", location}}); }

std::string Read(const std::string& folder, TensorProto tensor) {
  const Status status = ReadExternalData(folder, tensor);
  if (!status) return status.error().message;
  EXPECT_FALSE(HasExternalData(tensor));
  EXPECT_TRUE(ParseTensor(tensor).has_value());
  return tensor.raw_data();
}

TEST_F(ExternalData, ReadsOnlyTheStretch) {
  EXPECT_EQ(Read(folder(), At("weights")), "012");
  EXPECT_EQ(Read(folder() + "/", At("below/weights")), "012");
  EXPECT_EQ(Read(folder(), At("./below/weights")), "012");
  EXPECT_EQ(Read(folder(), Kept({{"location", "weights"}, {"offset", "4"}})), "456");
  EXPECT_EQ(
      Read(folder(),
           Kept({{"offset", "7"}, {"length", "3"}, {"location", "weights"}, {"checksum", "?"}})),
      "789");
  TensorProto empty = Kept({{"location", "weights"}, {"offset", "10"}});
  empty.set_dims(0, 0);
  EXPECT_EQ(Read(folder(), empty), "");
  fs::create_symlink("below/weights", root_ / "model" / "link");
  EXPECT_EQ(Read(folder(), At("link")), "012");
  fs::create_directory_symlink(root_ / "model", root_ / "other");
  EXPECT_EQ(Read(root_ / "other", At("weights")), "012");
  EXPECT_THAT(ParseTensor(At("weights")).error().message, HasSubstr("another file"));
}

TEST_F(ExternalData, StaysInTheFolder) {
  EXPECT_THAT(Read(folder(), At("../secret")), HasSubstr("'../secret' leads upwards"));
  EXPECT_THAT(Read(folder(), At("below/../weights")), HasSubstr("leads upwards"));
  EXPECT_THAT(Read(folder(), At(root_ / "secret")), HasSubstr("absolute"));
  EXPECT_THAT(Read(folder(), At(root_ / "model" / "weights")), HasSubstr("absolute"));
  EXPECT_THAT(Read("", At("weights")), HasSubstr("'weights' has no folder"));
  EXPECT_THAT(Read(folder(), At(std::string("weights\0x", 9))), HasSubstr("NUL"));
  fs::create_symlink("../secret", root_ / "model" / "file_link");
  EXPECT_THAT(Read(folder(), At("file_link")), HasSubstr("'file_link' is a link that leaves"));
  fs::create_directory_symlink("..", root_ / "model" / "folder_link");
  EXPECT_THAT(Read(folder(), At("folder_link/secret")), HasSubstr("link that leaves"));
  // A folder whose name begins as the model's does.
  fs::create_directories(root_ / "model2");
  fs::create_symlink("../model2/weights", root_ / "model" / "near_link");
  ASSERT_TRUE(base::WriteFile(root_ / "model2" / "weights", "0123"));
  EXPECT_THAT(Read(folder(), At("near_link")), HasSubstr("link that leaves"));
  fs::create_symlink("../nothing", root_ / "model" / "dangling");
  EXPECT_THAT(Read(folder(), At("dangling")), HasSubstr("cannot read"));
}

TEST_F(ExternalData, ReadsOnlyFiles) {
  EXPECT_THAT(Read(folder(), At("nothing")), HasSubstr("nothing does not exist"));
  EXPECT_THAT(Read(folder(), At("below")), HasSubstr("is no file"));
  EXPECT_THAT(Read(folder(), At(".")), HasSubstr("is no file"));
  ASSERT_EQ(mkfifo((root_ / "model" / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(Read(folder(), At("pipe")), HasSubstr("is no file"));
  EXPECT_THAT(Read(root_ / "no folder", At("weights")), HasSubstr("cannot read the folder"));
}

TEST_F(ExternalData, TheStretchMustFit) {
  const auto read = [&](const std::string& key, const std::string& value) {
    return Read(folder(), Kept({{"location", "weights"}, {key, value}}));
  };
  EXPECT_THAT(read("offset", "8"), HasSubstr("bytes 8 to 11 lie beyond the 10 bytes"));
  EXPECT_THAT(read("offset", "11"), HasSubstr("lie beyond"));
  EXPECT_THAT(read("offset", "9223372036854775807"), HasSubstr("lie beyond"));
  EXPECT_THAT(read("offset", "9223372036854775808"), HasSubstr("no number"));
  EXPECT_THAT(read("offset", "-1"), HasSubstr("offset '-1', which is no number"));
  EXPECT_THAT(read("offset", "1x"), HasSubstr("no number"));
  EXPECT_THAT(read("offset", ""), HasSubstr("no number"));
  EXPECT_THAT(read("length", "2"), HasSubstr("'weights' is 2 bytes long; the tensor needs 3"));
  EXPECT_THAT(Read(folder(), Kept({{"offset", "0"}})), HasSubstr("no location"));
  TensorProto huge = At("weights");
  huge.set_dims(0, int64_t{1} << 40);
  EXPECT_THAT(Read(folder(), huge), HasSubstr("at most"));
  huge.set_dims(0, -3);
  EXPECT_THAT(Read(folder(), huge), HasSubstr("negative"));
}

}  // namespace
}  // namespace signum::onnx
