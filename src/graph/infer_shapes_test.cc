#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "graph/graph.h"

namespace signum {
namespace {

using ::testing::HasSubstr;

// The shape that `op` gives a value of shape `input`.
Result<Shape> ShapeAfter(const Shape& input, Op op, int input_count = 1) {
  Graph graph;
  const NodeId x = graph.Add("x", InputOp{input}, {});
  graph.Add("y", std::move(op), std::vector<NodeId>(input_count, x));
  Result<std::vector<Shape>> shapes = InferShapes(graph);
  if (!shapes) return tl::unexpected(shapes.error());
  return shapes->back();
}

ConvolutionOp Convolution(int64_t channels, Window window, int groups = 1) {
  return {.output_channels = channels, .window = window, .groups = groups};
}

TEST(InferShapes, ConvolutionWithStrideDilationAndAsymmetricPadding) {
  EXPECT_EQ(
      *ShapeAfter({1, 3, 32, 32}, Convolution(16, {.kernel = {3, 3}, .padding = Padding::All(1)})),
      (Shape{1, 16, 32, 32}));
  // (11 + 2 + 1 - (2 * 2 + 1)) / 3 + 1 and (9 + 0 + 3 - 5) / 2 + 1.
  EXPECT_EQ(
      *ShapeAfter(
          {1, 4, 11, 9},
          Convolution(
              6, {.kernel = {3, 5}, .stride = {3, 2}, .dilation = {2, 1}, .padding = {2, 0, 1, 3}},
              2)),
      (Shape{1, 6, 4, 4}));
}

TEST(InferShapes, KernelLargerThanThePaddedImageIsAnError) {
  const auto shape =
      ShapeAfter({1, 1, 4, 4}, Convolution(1, {.kernel = {7, 7}, .padding = Padding::All(1)}));
  ASSERT_FALSE(shape);
  EXPECT_THAT(shape.error().message, HasSubstr("node 'y' (Convolution): the height of 6"));
}

TEST(InferShapes, GroupsMustDivide) {
  const auto shape = ShapeAfter({1, 3, 4, 4}, Convolution(4, {}, 2));
  ASSERT_FALSE(shape);
  EXPECT_THAT(shape.error().message, HasSubstr("2 groups do not divide 3 input"));
}

TEST(InferShapes, ReshapeKeepsAndFills) {
  EXPECT_EQ(*ShapeAfter({1, 8, 2, 2}, ReshapeOp{{0, -1, 4}}), (Shape{1, 8, 4}));
  EXPECT_FALSE(ShapeAfter({1, 8, 2, 2}, ReshapeOp{{0, 3, -1}}));
  EXPECT_FALSE(ShapeAfter({1, 8, 2, 2}, ReshapeOp{{-1, -1}}));
  EXPECT_FALSE(ShapeAfter({1, 8}, ReshapeOp{{int64_t{1} << 62, int64_t{1} << 62}}));
  EXPECT_FALSE(ShapeAfter({1}, ReshapeOp{{}})) << "no batch axis is left";
}

TEST(InferShapes, PadGrowsAndCropsAnyAxis) {
  EXPECT_EQ(*ShapeAfter({1, 16, 8, 8}, PadOp{{0, 8, -1, 0}, {0, 8, -2, 1}}), (Shape{1, 32, 5, 9}));
  EXPECT_FALSE(ShapeAfter({1, 16, 8, 8}, PadOp{{0, 0, -8, 0}, {0, 0, 0, 0}}));
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  EXPECT_FALSE(ShapeAfter({1, 16, 8, 8}, PadOp{{0, kLeast, 0, 0}, {0, kLeast, 0, 0}}));
}

TEST(InferShapes, BroadcastConcatPoolUpsampleFlatten) {
  Graph graph;
  const NodeId x = graph.Add("x", InputOp{{1, 6, 7, 7}}, {});
  const NodeId gate = graph.Add("gate", GlobalAveragePoolOp{}, {x});
  const NodeId scaled = graph.Add("scaled", MultiplyOp{}, {x, gate});
  const NodeId joined = graph.Add("joined", ConcatOp{1}, {x, scaled, x});
  const NodeId pooled = graph.Add(
      "pooled", MaxPoolOp{{.kernel = {3, 3}, .stride = {2, 2}, .padding = Padding::All(1)}},
      {joined});
  const NodeId larger = graph.Add("larger", UpsampleOp{3}, {pooled});
  const NodeId flat = graph.Add("flat", FlattenOp{}, {larger});
  const auto shapes = InferShapes(graph, 5);
  ASSERT_TRUE(shapes);
  EXPECT_EQ((*shapes)[scaled], (Shape{5, 6, 7, 7}));
  EXPECT_EQ((*shapes)[joined], (Shape{5, 18, 7, 7}));
  EXPECT_EQ((*shapes)[pooled], (Shape{5, 18, 4, 4}));
  EXPECT_EQ((*shapes)[larger], (Shape{5, 18, 12, 12}));
  EXPECT_EQ((*shapes)[flat], (Shape{5, 18 * 144}));
}

TEST(InferShapes, EveryPoolingWindowMustTouchTheMap) {
  const auto pool = [](int kernel, int dilation, int padding, int64_t size) {
    return ShapeAfter({1, 1, size, 1}, MaxPoolOp{{.kernel = {kernel, 1},
                                                  .dilation = {dilation, 1},
                                                  .padding = {.top = padding, .bottom = padding}}});
  };
  EXPECT_TRUE(pool(3, 1, 1, 4));
  EXPECT_FALSE(pool(2, 1, 2, 4)) << "the first window lies above the map";
  EXPECT_TRUE(pool(2, 4, 1, 4)) << "its taps are at -1 and 3";
  EXPECT_FALSE(pool(2, 5, 1, 4)) << "its taps are at -1 and 4, both outside";
  EXPECT_FALSE(pool(std::numeric_limits<int>::max(), 1, 1, 4));
}

TEST(InferShapes, ConvTransposeUndoesTheSizesOfAConvolution) {
  ConvTransposeOp op{.output_channels = 6,
                     .window = {{3, 2}, {2, 3}, {1, 2}, {1, 0, 1, 1}},
                     .output_padding = {1, 2},
                     .groups = 2};
  // (4 - 1) * 2 + 3 - 2 + 1 and (3 - 1) * 3 + 3 - 1 + 2.
  EXPECT_EQ(*ShapeAfter({1, 4, 4, 3}, op), (Shape{1, 6, 8, 10}));
  op.groups = 3;
  EXPECT_FALSE(ShapeAfter({1, 4, 4, 3}, op));
  op = {.output_channels = 1, .window = {.kernel = {1, 1}, .padding = Padding::All(2)}};
  EXPECT_THAT(ShapeAfter({1, 1, 4, 4}, op).error().message, HasSubstr("an output height of 0"));
}

TEST(InferShapes, MatMulReduceAndTranspose) {
  EXPECT_EQ(*ShapeAfter({1, 5, 5}, MatMulOp{}, 2), (Shape{1, 5, 5}));
  EXPECT_FALSE(ShapeAfter({1, 4, 5}, MatMulOp{}, 2));
  EXPECT_FALSE(ShapeAfter({5, 5}, MatMulOp{}, 2));
  EXPECT_EQ(*ShapeAfter({1, 2, 3, 4}, ReduceMeanOp{{1, 3}, true}), (Shape{1, 1, 3, 1}));
  EXPECT_EQ(*ShapeAfter({1, 2, 3, 4}, ReduceMeanOp{{1, 3}, false}), (Shape{1, 3}));
  for (const std::vector<int>& axes : {std::vector<int>{0}, {4}, {2, 1}, {1, 1}}) {
    EXPECT_FALSE(ShapeAfter({1, 2, 3, 4}, ReduceMeanOp{axes}));
  }
  EXPECT_EQ(*ShapeAfter({1, 2, 3, 4}, TransposeOp{{0, 3, 1, 2}}), (Shape{1, 4, 2, 3}));
  for (const std::vector<int>& order :
       {std::vector<int>{}, {0, 1, 2}, {1, 0, 2, 3}, {0, 1, 1, 3}}) {
    EXPECT_FALSE(ShapeAfter({1, 2, 3, 4}, TransposeOp{order}));
  }
}

TEST(InferShapes, WrongInputCountNamesTheNode) {
  const auto shape = ShapeAfter({1, 3}, AddOp{}, 1);
  ASSERT_FALSE(shape);
  EXPECT_THAT(shape.error().message, HasSubstr("node 'y' (Add): has 1 inputs"));
}

}  // namespace
}  // namespace signum
