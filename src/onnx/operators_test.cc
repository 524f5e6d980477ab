// Single operators where ONNX's own tests do not look: sizes and coordinates of Resize,
// bounds of Clip, numbers that are refused; and what an import notes.
#include <string>

#include "onnx/testing/model_builder.h"
#include "onnx/testing/node_importer.h"

namespace signum::onnx {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Resize, SizesAreScaledInFloats) {
  for (const auto& [scale, size] : {std::pair{0.9f, 9}, {0.7f, 7}, {0.75f, 7}, {1.1f, 11}}) {
    NodeImporter importer;
    const Value x = importer.Input({1, 1, 1, 10});
    const Value y = importer.Import(NodeText("Resize"), {x, {}, Floats({4}, {1, 1, 1, scale})});
    EXPECT_THAT(y.sizes, ElementsAre(1, 1, 1, size)) << scale;
  }
}

TEST(Resize, OneOutputOfPytorchIsTheFirstInput) {
  NodeImporter importer;
  NodeText resize("Resize");
  resize.String("mode", "cubic").String("coordinate_transformation_mode", "pytorch_half_pixel");
  const Value x = importer.Input({1, 1, 1, 4});
  const Value sizes = Integers(ElementType::kInt64, {4}, {1, 1, 1, 1});
  const Value y = importer.Import(resize, {x, {}, {}, sizes});
  EXPECT_THAT(importer.Run(y, {1, 2, 4, 8}), ElementsAre(1));
}

TEST(Resize, OneOutputOfACropIsItsMiddle) {
  NodeImporter importer;
  NodeText resize("Resize");
  resize.String("mode", "linear").String("coordinate_transformation_mode", "tf_crop_and_resize");
  const Value x = importer.Input({1, 1, 1, 4});
  const Value roi = Floats({8}, {0, 0, 0, 0.5f, 1, 1, 1, 1});
  const Value y = importer.Import(resize, {x, roi, Floats({4}, {1, 1, 1, 0.3f})});
  EXPECT_THAT(importer.Run(y, {0, 1, 2, 3}), ElementsAre(2.25f));
}

TEST(Clip, TheUpperBoundWins) {
  NodeImporter importer;
  const Value x = importer.Input({1, 3});
  const Value y = importer.Import(NodeText("Clip"), {x, Floats({}, {5}), Floats({}, {2})});
  EXPECT_THAT(importer.Run(y, {1, 3, 7}), ElementsAre(2, 2, 2));
}

TEST(Refused, NumbersAreToldWithTheirNames) {
  NodeImporter importer;
  const Value x = importer.Input({1, 3, 4, 4});
  const Value weight = Floats({1, 3, 1, 1}, {1, -2, 3});
  const auto refusal = [&](const NodeText& text, const std::vector<Value>& inputs) {
    return importer.Refusal(text, inputs);
  };
  EXPECT_THAT(refusal(NodeText("Conv").Ints("pads", {-1, 0, 0, 0}), {x, weight}),
              HasSubstr("pads of -1; 0 to 32767"));
  EXPECT_THAT(refusal(NodeText("Conv").Ints("strides", {1, 0}), {x, weight}),
              HasSubstr("strides of 0"));
  EXPECT_THAT(refusal(NodeText("Conv").Ints("dilations", {1 << 20, 1}), {x, weight}),
              HasSubstr("dilations of 1048576"));
  EXPECT_THAT(refusal(NodeText("Conv"), {x, Floats({1, 2, 1, 1}, {1, 2})}),
              HasSubstr("a weight of 1x2x1x1 for a value of 1x3x4x4"));
  EXPECT_THAT(
      refusal(NodeText("Gather").Int("axis", 1), {x, Integers(ElementType::kInt64, {1}, {7})}),
      HasSubstr("picks index 7 of an axis of 3"));
  EXPECT_THAT(refusal(NodeText("Unsqueeze"), {x}), HasSubstr("has no axes"));
  // 2^32 and 1, which stands for floats.
  const int64_t cut = (int64_t{1} << 32) + 1;
  EXPECT_THAT(refusal(NodeText("Cast").Int("to", cut), {x}), HasSubstr("4294967297"));
  EXPECT_THAT(refusal(NodeText("QuantizeLinear").Int("output_dtype", cut), {x, Floats({}, {1})}),
              HasSubstr("4294967297"));
}

TEST(Refused, GlobalMaxPoolOfALongMap) {
  NodeImporter importer;
  const Value x = importer.Input({1, 1, 40000, 1});
  EXPECT_THAT(importer.Refusal(NodeText("GlobalMaxPool"), {x}),
              AllOf(HasSubstr("a map of 40000x1"), HasSubstr("32767")));
}

std::vector<std::string> Notes(const ModelBuilder& model, const OnnxImportOptions& options = {}) {
  const auto imported = model.Import(options);
  EXPECT_TRUE(imported) << imported.error().message;
  return imported ? imported->notes : std::vector<std::string>();
}

TEST(Notes, IntegersAsInput) {
  const auto of = [](int32_t type, std::vector<int64_t> sizes) {
    ModelBuilder model;
    model.Input("x", sizes, type).Output("y");
    SetInt(model.Node("Cast", {"x"}, {"y"}), "to", ::onnx::TensorProto::FLOAT);
    return model;
  };
  const ModelBuilder bytes = of(::onnx::TensorProto::UINT8, {1, 3, 4, 4});
  EXPECT_THAT(
      Notes(bytes),
      ElementsAre(AllOf(HasSubstr("node 'x'"), HasSubstr("uint8"),
                        HasSubstr("--mean 0,0,0 --std 0.003921569,0.003921569,0.003921569"))));
  const OnnxImportOptions scaled{.mean = {0, 0, 0}, .deviation = {1, 1, 1}};
  EXPECT_THAT(Notes(bytes, scaled), IsEmpty());
  EXPECT_THAT(Notes(of(::onnx::TensorProto::INT8, {1, 1, 4, 4})),
              ElementsAre(HasSubstr("--mean 0.5019608 --std 0.003921569 for pixels of -128")));
  EXPECT_THAT(Notes(of(::onnx::TensorProto::INT32, {1, 7})),
              ElementsAre(AllOf(HasSubstr("int32"), Not(HasSubstr("--mean")))));
}

ModelBuilder MeanOfImages(int64_t images) {
  ModelBuilder model;
  model.Input("x", {images, 2, 4, 4}).Output("y");
  SetInts(model.Node("ReduceMean", {"x"}, {"m"}), "axes", {0});
  model.Node("Sub", {"x", "m"}, {"y"});
  return model;
}

TEST(Notes, WorkAlongAnOpenBatch) {
  EXPECT_THAT(Notes(MeanOfImages(-1)),
              ElementsAre(AllOf(HasSubstr("node 'm'"), HasSubstr("one by one"))));
  EXPECT_THAT(Notes(MeanOfImages(1)), IsEmpty());
}

TEST(Notes, BatchesThatAreOneInput) {
  EXPECT_THAT(Notes(MeanOfImages(3)), ElementsAre(HasSubstr("the 3 images of the model at once")));
}

}  // namespace
}  // namespace signum::onnx
