// Models that are damaged or out to do harm: whatever the bytes, ImportOnnx returns, soon,
// and takes no more memory than a file of that size may ask for.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "format/test_allocations.h"
#include "onnx/testing/model_builder.h"

namespace signum::onnx {
namespace {

namespace filesystem = std::filesystem;
using ::onnx::TensorProto;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

void ExpectAccepted(const ModelBuilder& model, const OnnxImportOptions& options = {}) {
  const auto imported = model.Import(options);
  EXPECT_TRUE(imported) << imported.error().message;
}

// x {1, 2, 4, 4} -> y, by the nodes that a test adds.
ModelBuilder OfInput() {
  ModelBuilder model;
  model.Input("x", {1, 2, 4, 4}).Output("y");
  return model;
}

// A convolution, whose every part matters.
ModelBuilder Whole() {
  ModelBuilder model = OfInput();
  model.Floats("w", {1, 2, 1, 1}, {1, -2}).Floats("b", {1}, {3});
  model.Node("Conv", {"x", "w", "b"}, {"y"});
  return model;
}

TEST(Hostile, FilesThatAreNoModels) {
  const auto refuse = [](std::string_view bytes) -> std::string {
    const auto imported = ModelBuilder::ImportBytes(bytes);
    return imported ? "accepted" : imported.error().message;
  };
  EXPECT_THAT(refuse(""), HasSubstr("no ONNX model"));
  EXPECT_THAT(refuse("#!/bin/sh\necho this is a text file\n"), HasSubstr("no ONNX model"));
  EXPECT_THAT(refuse(std::string(64, '\0')), HasSubstr("no ONNX model"));
  EXPECT_THAT(refuse("SGN1"), HasSubstr("no ONNX model"));
  const auto is_onnx = [](std::string_view bytes) {
    return IsOnnx({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()});
  };
  EXPECT_TRUE(is_onnx(Whole().Bytes()));
  EXPECT_FALSE(is_onnx(""));
  EXPECT_FALSE(is_onnx("\x08"));
  EXPECT_FALSE(is_onnx("#!/bin/sh\n"));
}

TEST(Hostile, FilesThatAreCutOff) {
  const std::string bytes = Whole().Bytes();
  ExpectAccepted(Whole());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto imported = ModelBuilder::ImportBytes(std::string_view(bytes).substr(0, size));
    EXPECT_FALSE(imported) << size << " of " << bytes.size() << " bytes are accepted";
  }
}

class ExternalWeights : public ::testing::Test {
 protected:
  void SetUp() override {
    filesystem::remove_all(root_);
    filesystem::create_directories(root_ / "model");
    const float weights[] = {1, -2};
    const std::string_view bytes(reinterpret_cast<const char*>(weights), sizeof(weights));
    ASSERT_TRUE(base::WriteFile(root_ / "secret", bytes));
    ASSERT_TRUE(base::WriteFile(root_ / "model/weights", bytes));
    filesystem::create_symlink("../secret", root_ / "model/link");
  }
  void TearDown() override { filesystem::remove_all(root_); }

  static ModelBuilder At(const std::string& location) {
    ModelBuilder model = OfInput();
    auto& tensor = model.Tensor("w", TensorProto::FLOAT, {1, 2, 1, 1});
    tensor.set_data_location(TensorProto::EXTERNAL);
    auto& entry = *tensor.add_external_data();
    entry.set_key("location");
    entry.set_value(location);
    model.Node("Mul", {"x", "w"}, {"y"});
    return model;
  }
  std::string Refuse(const std::string& location) const {
    const auto imported = At(location).Import({.folder = root_ / "model"});
    return imported ? "accepted" : imported.error().message;
  }

  const filesystem::path root_ = filesystem::path(::testing::TempDir()) /
                                 ::testing::UnitTest::GetInstance()->current_test_info()->name();
};

TEST_F(ExternalWeights, MayLieInTheFolderAlone) {
  ExpectAccepted(At("weights"), {.folder = root_ / "model"});
  for (const std::string& location :
       {std::string("../secret"), (root_ / "secret").string(), std::string("link"),
        std::string("./../secret"), std::string("none")}) {
    EXPECT_THAT(Refuse(location), AllOf(HasSubstr("'w'"), Not(HasSubstr("accepted"))));
  }
  const auto without = At("weights").Import();
  ASSERT_FALSE(without);
  EXPECT_THAT(without.error().message, AllOf(HasSubstr("'w'"), HasSubstr("'weights'")));
}

// Imports; whatever the outcome, it took little memory for a small file.
std::string Small(const ModelBuilder& model) {
  const std::string bytes = model.Bytes();
  format::ResetPeak();
  const auto imported = ModelBuilder::ImportBytes(bytes);
  EXPECT_LT(format::PeakBytes(), size_t{80} << 20);
  return imported ? "accepted" : imported.error().message;
}

TEST(Hostile, HugeTensorsTakeNoMemory) {
  constexpr int64_t kHuge = int64_t{1} << 40;
  ModelBuilder input;
  input.Input("x", {1, kHuge, kHuge}).Output("y").Node("Relu", {"x"}, {"y"});
  EXPECT_THAT(Small(input), HasSubstr("'x'"));
  for (const auto& sizes : {std::vector<int64_t>{kHuge}, {kHuge, kHuge}, {-1}, {1 << 28}}) {
    ModelBuilder weight = OfInput();
    weight.Tensor("w", TensorProto::FLOAT, sizes);
    weight.Node("Add", {"x", "w"}, {"y"});
    EXPECT_THAT(Small(weight), HasSubstr("'w'"));
  }
}

TEST(Hostile, HugeFoldedTensorsTakeNoMemory) {
  for (const int64_t size : {int64_t{1} << 26, int64_t{1} << 40, int64_t{1} << 62}) {
    ModelBuilder filled = OfInput();
    filled.Integers("sizes", {size}).Node("ConstantOfShape", {"sizes"}, {"w"});
    filled.Node("Add", {"x", "w"}, {"y"});
    EXPECT_THAT(Small(filled), HasSubstr("'w' (ConstantOfShape)"));
    ModelBuilder expanded = OfInput();
    expanded.Floats("one", {1}, {1}).Integers("sizes", {size});
    expanded.Node("Expand", {"one", "sizes"}, {"w"});
    expanded.Node("Add", {"x", "w"}, {"y"});
    EXPECT_THAT(Small(expanded), HasSubstr("'w' (Expand)"));
    ModelBuilder tiled = OfInput();
    tiled.Floats("one", {1}, {1}).Integers("times", {size});
    tiled.Node("Tile", {"one", "times"}, {"w"});
    tiled.Node("Add", {"x", "w"}, {"y"});
    EXPECT_THAT(Small(tiled), HasSubstr("'w' (Tile)"));
    ModelBuilder padded = OfInput();
    padded.Floats("one", {1}, {1}).Integers("pads", {0, size});
    padded.Node("Pad", {"one", "pads"}, {"w"});
    padded.Node("Add", {"x", "w"}, {"y"});
    EXPECT_THAT(Small(padded), HasSubstr("'w' (Pad)"));
  }
}

TEST(Hostile, ChainsThatDoubleTakeNoMemory) {
  ModelBuilder model = OfInput();
  model.Floats("w0", {1}, {1});
  for (int i = 0; i < 60; ++i) {
    const std::string from = fmt::format("w{}", i), to = fmt::format("w{}", i + 1);
    SetInt(model.Node("Concat", {from, from}, {to}), "axis", 0);
  }
  model.Node("Add", {"x", "w60"}, {"y"});
  EXPECT_THAT(Small(model), HasSubstr("(Concat)"));
}

// Every layer gets a copy of its weight, however many read the same.
TEST(Hostile, SharedWeightsTakeLittleMemory) {
  constexpr int64_t kSize = 512;
  const auto chain = [](const std::string& weight, bool transposed) {
    ModelBuilder model;
    model.Input("x", {1, kSize}).Output("y");
    auto& codes = model.Tensor("codes", TensorProto::INT8, {kSize, kSize});
    codes.set_raw_data(std::string(kSize * kSize, '\x05'));
    model.Floats("floats", {kSize, kSize}, std::vector<float>(kSize * kSize, 0.5f));
    model.Floats("scale", {}, {1});
    model.Node("DequantizeLinear", {"codes", "scale"}, {"quantized"});
    std::string last = "x";
    for (int i = 0; i < 3000; ++i) {
      std::string read = weight;
      if (transposed) {
        read = fmt::format("t{}", i);
        SetInts(model.Node("Transpose", {weight}, {read}), "perm", {1, 0});
      }
      const std::string next = i == 2999 ? "y" : fmt::format("n{}", i);
      model.Node("MatMul", {last, read}, {next});
      last = next;
    }
    return model;
  };
  for (const bool transposed : {false, true}) {
    for (const char* weight : {"floats", "quantized"}) {
      EXPECT_THAT(Small(chain(weight, transposed)), HasSubstr("may still be allocated"));
    }
  }
}

// Each takes little time, and all together no more than one may.
TEST(Hostile, ManyProductsOfConstantsTakeLittleTime) {
  constexpr int64_t kSize = 128;
  ModelBuilder model = OfInput();
  model.Floats("w", {kSize, kSize}, std::vector<float>(kSize * kSize, 0.5f));
  std::string last = "w";
  for (int i = 0; i < 3000; ++i) {
    const std::string next = fmt::format("w{}", i);
    model.Node("MatMul", {last, "w"}, {next});
    last = next;
  }
  model.Node("Add", {"x", last}, {"y"});
  EXPECT_THAT(Small(model), HasSubstr("multiplications that may still be done"));
}

// Values of a network that would be huge cost nothing while importing, and neither does
// what moves them about.
TEST(Hostile, HugeValuesTakeNoMemory) {
  for (const int64_t size : {int64_t{1} << 14, int64_t{1} << 22, int64_t{1} << 40}) {
    ModelBuilder padded = OfInput();
    padded.Integers("pads", {0, 0, 0, 0, 0, 0, size, size});
    padded.Node("Pad", {"x", "pads"}, {"y"});
    Small(padded);
    for (const char* mode : {"nearest", "linear", "cubic"}) {
      ModelBuilder resized = OfInput();
      resized.Integers("sizes", {1, 2, size, size});
      SetString(resized.Node("Resize", {"x", "", "", "sizes"}, {"y"}), "mode", mode);
      Small(resized);
    }
    ModelBuilder convolved = OfInput();
    convolved.Floats("w", {1, 2, 1, 1}, {1, 2});
    SetInts(convolved.Node("Conv", {"x", "w"}, {"y"}), "pads", {size, size, size, size});
    Small(convolved);
    ModelBuilder transposed = OfInput();
    transposed.Floats("w", {2, 1, 1, 1}, {1, 2});
    SetInts(transposed.Node("ConvTranspose", {"x", "w"}, {"y"}), "strides", {size, size});
    Small(transposed);
    ModelBuilder dilated = OfInput();
    SetInts(dilated.Node("MaxPool", {"x"}, {"y"}), "kernel_shape", {size, size});
    Small(dilated);
    ModelBuilder averaged = OfInput();
    auto& pool = averaged.Node("AveragePool", {"x"}, {"y"});
    SetInts(pool, "kernel_shape", {2, 2});
    SetInts(pool, "strides", {size, size});
    SetInts(pool, "pads", {1, 1, 1, 1});
    Small(averaged);
  }
  ModelBuilder wide;
  wide.Input("x", {1, 1, 1 << 15, 1 << 15}).Output("y");
  wide.Integers("sizes", {1, 1, 1 << 14, 1 << 14});
  SetString(wide.Node("Resize", {"x", "", "", "sizes"}, {"y"}), "mode", "linear");
  Small(wide);
  ModelBuilder sliced;
  sliced.Input("x", {1, 1 << 30}).Output("y");
  sliced.Integers("starts", {0}).Integers("ends", {1 << 30}).Integers("axes", {1});
  sliced.Integers("steps", {2}).Node("Slice", {"x", "starts", "ends", "axes", "steps"}, {"y"});
  Small(sliced);
}

}  // namespace
}  // namespace signum::onnx
