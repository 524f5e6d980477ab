#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "onnx/fold_test_case.h"

namespace signum::onnx {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(FoldLayout, Layout) {
  EXPECT_EQ(Case("Reshape", 13).In(Counted({2, 3})).In(I({0, -1, 1})).One(), Counted({2, 3, 1}));
  EXPECT_EQ(Case("Reshape", 14).Int("allowzero", 1).In(F({0, 3}, {})).In(I({3, 0})).One(),
            F({3, 0}, {}));
  EXPECT_EQ(Case("Reshape", 13).In(F({0, 3}, {})).In(I({-1, 3})).One(), F({0, 3}, {}));
  EXPECT_EQ(Case("Reshape", 13).In(F({1, 1}, {5})).In(I({0}, {})).One(), F({}, {5}));
  for (const auto& sizes : std::vector<std::vector<int64_t>>{
           {4}, {-1, 4}, {-1, -1}, {-2, -3}, {2, 3, 0}, {kMost, kMost}, {-1, kMost, kMost}}) {
    EXPECT_NE(Case("Reshape", 13).In(Counted({2, 3})).In(I(sizes)).Refused(), "folded")
        << SizesText(sizes);
  }
  EXPECT_EQ(Case("Flatten", 13).In(Counted({2, 3, 4})).One(), Counted({2, 12}));
  EXPECT_EQ(Case("Flatten", 13).Int("axis", 3).In(Counted({2, 3, 4})).One(), Counted({24, 1}));
  EXPECT_EQ(Case("Flatten", 13).Int("axis", -1).In(Counted({2, 3, 4})).One(), Counted({6, 4}));
  EXPECT_EQ(Case("Squeeze", 11).Ints("axes", {-1}).In(Counted({1, 2, 1})).One(), Counted({1, 2}));
  EXPECT_EQ(Case("Squeeze", 13).In(Counted({1, 2, 1})).In(I({0})).One(), Counted({2, 1}));
  EXPECT_EQ(Case("Squeeze", 13).In(Counted({1, 2, 1})).One(), Counted({2}));
  EXPECT_THAT(Case("Squeeze", 13).In(Counted({1, 2})).In(I({1})).Refused(), HasSubstr("not 1"));
  EXPECT_THAT(
      Case("Squeeze", 13).Ints("axes", {0}).In(Counted({1, 2})).Refused(ErrorCode::kUnsupported),
      HasSubstr("'axes'"));
  EXPECT_THAT(Case("Squeeze", 11).In(Counted({1, 2})).In(I({0})).Refused(ErrorCode::kCorrupt),
              HasSubstr("opset 11"));
  EXPECT_EQ(Case("Unsqueeze", 11).Ints("axes", {3, 0}).In(Counted({2, 3})).One(),
            Counted({1, 2, 3, 1}));
  EXPECT_EQ(Case("Unsqueeze", 13).In(F({}, {0})).In(I({-1})).One(), Counted({1}));
  EXPECT_THAT(Case("Unsqueeze", 13).In(F({1})).In(I({0, -3})).Refused(), HasSubstr("twice"));
  EXPECT_EQ(Case("Transpose", 13).In(Counted({2, 3})).One(), F({3, 2}, {0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(Case("Transpose", 13).Ints("perm", {1, 2, 0}).In(Counted({2, 2, 3})).One(),
            F({2, 3, 2}, {0, 6, 1, 7, 2, 8, 3, 9, 4, 10, 5, 11}));
  EXPECT_THAT(Case("Transpose", 13).Ints("perm", {0, 0}).In(Counted({2, 3})).Refused(),
              HasSubstr("twice"));
  EXPECT_THAT(Case("Transpose", 13).Ints("perm", {0}).In(Counted({2, 3})).Refused(),
              HasSubstr("1 axes"));
  EXPECT_EQ(Case("Tile", 13).In(F({2, 1}, {1, 2})).In(I({1, 3})).One(),
            F({2, 3}, {1, 1, 1, 2, 2, 2}));
  EXPECT_EQ(Case("Tile", 13).In(I({1, 2})).In(I({2})).One(), I({1, 2, 1, 2}));
  EXPECT_EQ(Case("Tile", 13).In(I({1, 2})).In(I({0})).One(), I({0}, {}));
  EXPECT_THAT(Case("Tile", 13).In(I({1, 2})).In(I({-1})).Refused(), HasSubstr("negative"));
}

TEST(FoldLayout, Slices) {
  const auto slice = [](std::vector<int64_t> starts, std::vector<int64_t> ends,
                        std::vector<int64_t> axes, std::vector<int64_t> steps) {
    return Case("Slice", 13).In(Counted({2, 4})).In(I(starts)).In(I(ends)).In(I(axes)).In(I(steps));
  };
  EXPECT_EQ(slice({1}, {3}, {1}, {1}).One(), F({2, 2}, {1, 2, 5, 6}));
  EXPECT_EQ(slice({-1}, {kLeast}, {1}, {-2}).One(), F({2, 2}, {3, 1, 7, 5}));
  EXPECT_EQ(slice({kMost, 0}, {kLeast, kMost}, {-2, 1}, {-1, 3}).One(), F({2, 2}, {4, 7, 0, 3}));
  EXPECT_EQ(slice({kMost}, {kLeast}, {1}, {kLeast}).One(), F({2, 1}, {3, 7}));
  EXPECT_EQ(slice({kLeast}, {kMost}, {1}, {kMost}).One(), F({2, 1}, {0, 4}));
  EXPECT_EQ(slice({3}, {1}, {0}, {1}).One(), F({0, 4}, {}));
  EXPECT_THAT(slice({0}, {1}, {0}, {0}).Refused(), HasSubstr("step of 0"));
  EXPECT_THAT(slice({0, 0}, {1, 1}, {0, -2}, {1, 1}).Refused(), HasSubstr("twice"));
  EXPECT_THAT(slice({0}, {1, 2}, {0}, {1}).Refused(), HasSubstr("lengths"));
  EXPECT_EQ(Case("Slice", 9).Ints("starts", {1, 0}).Ints("ends", {2, -1}).In(Counted({2, 4})).One(),
            F({1, 3}, {4, 5, 6}));
  EXPECT_EQ(Case("Slice", 13).In(F({0}, {})).In(I({5})).In(I({-9})).None().In(I({-1})).One(),
            F({0}, {}));
}

TEST(FoldLayout, Selection) {
  EXPECT_EQ(
      Case("Concat", 13).Int("axis", -1).In(F({2, 1}, {1, 2})).In(F({2, 2}, {3, 4, 5, 6})).One(),
      F({2, 3}, {1, 3, 4, 2, 5, 6}));
  EXPECT_EQ(Case("Concat", 13).Int("axis", 0).In(I({0}, {})).In(I({7})).One(), I({7}));
  EXPECT_EQ(Case("Concat", 13).Int("axis", 1).In(F({0, 2}, {})).In(F({0, 1}, {})).One(),
            F({0, 3}, {}));
  EXPECT_THAT(Case("Concat", 13).Int("axis", 0).In(Counted({2, 1})).In(Counted({2})).Refused(),
              HasSubstr("join"));
  EXPECT_EQ(Case("Gather", 13).In(I({10, 20, 30})).In(I({}, {-1})).One(), I({}, {30}));
  EXPECT_EQ(Case("Gather", 13).Int("axis", 1).In(Counted({2, 3})).In(I({1, 2}, {2, 0})).One(),
            F({2, 1, 2}, {2, 0, 5, 3}));
  EXPECT_THAT(Case("Gather", 13).In(I({10, 20})).In(I({2})).Refused(),
              HasSubstr("index 2 is none of 2"));
  EXPECT_THAT(Case("Gather", 13).In(I({10, 20})).In(I({-3})).Refused(), HasSubstr("index -3"));
  EXPECT_EQ(Case("GatherElements", 13)
                .Int("axis", 1)
                .In(Counted({2, 3}))
                .In(I({2, 2}, {2, -3, 1, 1}))
                .One(),
            F({2, 2}, {2, 0, 4, 4}));
  EXPECT_THAT(Case("GatherElements", 13)
                  .Int("axis", 1)
                  .In(Counted({2, 3}))
                  .In(I({3, 1}, {0, 0, 0}))
                  .Refused(),
              HasSubstr("do not fit"));
  EXPECT_THAT(Case("Split", 11).Ints("split", {1, 2}).In(I({1, 2, 3})).Outputs(2).All(),
              ElementsAre(I({1}), I({2, 3})));
  EXPECT_THAT(Case("Split", 13).Int("axis", 1).In(Counted({2, 2})).Outputs(2).All(),
              ElementsAre(F({2, 1}, {0, 2}), F({2, 1}, {1, 3})));
  EXPECT_THAT(Case("Split", 18).Int("num_outputs", 2).In(I({1, 2, 3})).Outputs(2).All(),
              ElementsAre(I({1, 2}), I({3})));
  EXPECT_THAT(Case("Split", 13).In(I({1, 2, 3})).Outputs(2).Refused(), HasSubstr("3 into 2"));
  EXPECT_THAT(Case("Split", 13).In(I({1, 2, 3})).In(I({1, 1})).Outputs(2).Refused(),
              HasSubstr("1, 1"));
  EXPECT_THAT(Case("Split", 13).In(I({1, 2, 3})).In(I({4, -1})).Outputs(2).Refused(),
              HasSubstr("4, -1"));
  EXPECT_THAT(Case("Split", 13).In(I({1, 2, 3})).In(I({3})).Outputs(2).Refused(ErrorCode::kCorrupt),
              HasSubstr("2 outputs"));
}

TEST(FoldLayout, Pads) {
  EXPECT_EQ(Case("Pad", 13).In(Counted({1, 2})).In(I({1, 0, 0, 2})).In(F({}, {9})).One(),
            F({2, 4}, {9, 9, 9, 9, 0, 1, 9, 9}));
  EXPECT_EQ(Case("Pad", 13).In(I({1, 2, 3})).In(I({-1, 1})).One(), I({2, 3, 0}));
  EXPECT_EQ(Case("Pad", 13).In(I({1, 2, 3})).In(I({4, -5})).One(), I({0, 0}));
  EXPECT_EQ(Case("Pad", 13).In(I({1, 2, 3})).In(I({-5, 4})).One(), I({0, 0}));
  EXPECT_EQ(Case("Pad", 13).In(I({1, 2})).In(I({kMost, -kMost})).One(), I({0, 0}));
  EXPECT_EQ(Case("Pad", 13).In(I({1, 2})).In(I({-kMost, kMost})).One(), I({0, 0}));
  EXPECT_THAT(Case("Pad", 13).In(I({1, 2})).In(I({-2, -1})).Refused(), HasSubstr("-1"));
  EXPECT_EQ(Case("Pad", 10).Ints("pads", {1, 0}).Float("value", 5).In(F({1})).One(), F({5, 1}));
  EXPECT_EQ(Case("Pad", 18).In(Counted({1, 2})).In(I({1, 0})).None().In(I({-1})).One(),
            F({1, 3}, {0, 0, 1}));
  EXPECT_THAT(Case("Pad", 13)
                  .String("mode", "reflect")
                  .In(F({1}))
                  .In(I({0, 0}))
                  .Refused(ErrorCode::kUnsupported),
              HasSubstr("reflect"));
}

TEST(FoldLayout, Reductions) {
  EXPECT_EQ(Case("ReduceSum", 11).Ints("axes", {-1}).Int("keepdims", 0).In(Counted({2, 3})).One(),
            F({3, 12}));
  EXPECT_EQ(Case("ReduceSum", 13).In(Counted({2, 3})).In(I({0})).One(), F({1, 3}, {3, 5, 7}));
  EXPECT_EQ(Case("ReduceSum", 13).In(Counted({2, 3})).One(), F({1, 1}, {15}));
  EXPECT_EQ(Case("ReduceSum", 13).Int("noop_with_empty_axes", 1).In(Counted({2, 3})).One(),
            Counted({2, 3}));
  EXPECT_EQ(Case("ReduceSum", 13).Int("keepdims", 0).In(F({0, 2}, {})).In(I({0})).One(), F({0, 0}));
  EXPECT_EQ(Case("ReduceProd", 13).Int("keepdims", 0).In(I({2, 3, 7})).One(), I({}, {42}));
  EXPECT_EQ(Case("ReduceMean", 18).In(Counted({2, 2, 2})).In(I({0, 2})).One(),
            F({1, 2, 1}, {2.5f, 4.5f}));
  EXPECT_EQ(Case("ReduceMax", 13).Int("keepdims", 0).In(I({-5, -2, -9})).One(), I({}, {-2}));
  EXPECT_EQ(Case("ReduceMin", 13).Int("keepdims", 0).In(F({INFINITY, INFINITY})).One(),
            F({}, {INFINITY}));
  EXPECT_TRUE(std::isnan(Case("ReduceMax", 13).In(F({NAN, 2})).One().Float(0)));
  EXPECT_THAT(Case("ReduceMax", 13).In(F({0}, {})).Refused(), HasSubstr("no elements"));
  EXPECT_EQ(
      Case("ArgMax", 13).Int("axis", 1).Int("keepdims", 0).In(F({2, 3}, {1, 9, 9, 4, 2, 3})).One(),
      I({1, 0}));
  EXPECT_EQ(Case("ArgMax", 13).Int("axis", -1).Int("select_last_index", 1).In(I({5, 5, 1})).One(),
            I({1}));
  EXPECT_EQ(Case("ArgMin", 13).In(F({2, 2}, {1, 9, 0, 10})).One(), I({1, 2}, {1, 0}));
  EXPECT_EQ(Case("NonZero", 13).In(I({2, 2}, {1, 0, 3, 4})).One(), I({2, 3}, {0, 1, 1, 0, 0, 1}));
  EXPECT_EQ(Case("NonZero", 13).In(I({0, 2}, {})).One(), I({2, 0}, {}));
  const float third = 1.0f / 3;
  EXPECT_EQ(Case("Softmax", 13).In(F({1, 3}, {7, 7, 7})).One(), F({1, 3}, {third, third, third}));
  EXPECT_EQ(Case("Softmax", 13).Int("axis", 0).In(F({2, 1}, {1000, 0})).One(), F({2, 1}, {1, 0}));
  EXPECT_EQ(Case("Softmax", 11).In(F({1, 2, 2}, {0, 0, 0, 0})).One(),
            F({1, 2, 2}, {0.25f, 0.25f, 0.25f, 0.25f}));
}

TEST(FoldLayout, Products) {
  EXPECT_EQ(Case("MatMul", 13).In(F({2, 2}, {1, 2, 3, 4})).In(F({2, 1}, {5, 6})).One(),
            F({2, 1}, {17, 39}));
  EXPECT_EQ(Case("MatMul", 13).In(F({1, 2})).In(F({3, 4})).One(), F({}, {11}));
  EXPECT_EQ(Case("MatMul", 13).In(Counted({2, 1, 2})).In(F({1, 10})).One(), F({2, 1}, {10, 32}));
  EXPECT_EQ(Case("MatMul", 13).In(F({1, 2}, {1, 1})).In(Counted({2, 2, 1})).One(),
            F({2, 1, 1}, {1, 5}));
  EXPECT_EQ(Case("MatMul", 13).In(F({1, 0}, {})).In(F({0, 2}, {})).One(), F({1, 2}, {0, 0}));
  EXPECT_THAT(Case("MatMul", 13).In(F({1, 2})).In(F({1})).Refused(),
              HasSubstr("float32 2 by float32 1"));
  EXPECT_THAT(Case("MatMul", 13).In(F({}, {1})).In(F({1})).Refused(), HasSubstr("scalars"));
  EXPECT_EQ(Case("Gemm", 13)
                .Int("transA", 1)
                .Int("transB", 1)
                .Float("alpha", 2)
                .Float("beta", 0.5f)
                .In(F({2, 1}, {1, 2}))
                .In(F({2, 2}, {1, 2, 3, 4}))
                .In(F({10, 20}))
                .One(),
            F({1, 2}, {15, 32}));
  EXPECT_THAT(
      Case("Gemm", 13).In(F({1, 1}, {1})).In(F({1, 1}, {1})).In(F({2, 1}, {1, 2})).Refused(),
      HasSubstr("add"));
  // A result that fits, but 2^31 multiplications.
  const int64_t side = 1 << 11;
  const Constant wide = F({side, side / 4}, std::vector<float>(side * side / 4));
  EXPECT_THAT(Case("Gemm", 13)
                  .Int("transB", 1)
                  .Budget(1 << 30)
                  .In(wide)
                  .In(wide)
                  .Refused(ErrorCode::kResourceExhausted),
              HasSubstr("multiplications"));
}

// Weights of a large layer: each operator is a walk or two over them, which takes
// milliseconds, where work in the square of their number would take hours.
TEST(FoldLayout, LargeTensors) {
  const int64_t a = 128, b = 128, c = 96;
  const Constant weights = Counted({a, b, c});
  const Constant codes = I({a, b, c}, std::vector<int64_t>(a * b * c, 3), ElementType::kInt8);
  const Constant halves = F(std::vector<float>(a, 0.5f));
  const auto start = std::chrono::steady_clock::now();
  const auto run = [](Case&& node) { return std::move(node).Budget(a * b * c).One(); };
  EXPECT_EQ(run(Case("Identity", 13).In(weights)), weights);
  EXPECT_EQ(run(Case("Reshape", 13).In(weights).In(I({-1, b}))).data, weights.data);
  const Constant transposed = run(Case("Transpose", 13).Ints("perm", {2, 1, 0}).In(weights));
  EXPECT_EQ(transposed.Float((5 * b + 6) * a + 7), weights.Float((7 * b + 6) * c + 5));
  EXPECT_EQ(run(Case("Transpose", 13).Ints("perm", {2, 1, 0}).In(transposed)), weights);
  EXPECT_EQ(run(Case("DequantizeLinear", 13).Int("axis", 0).In(codes).In(halves)),
            F({a, b, c}, std::vector<float>(a * b * c, 1.5f)));
  const Constant column = F({a, 1, 1}, halves.Floats());
  EXPECT_EQ(run(Case("Mul", 13).In(weights).In(column)).Float(1001), 500.5f);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  EXPECT_LT(elapsed.count(), 60);
}

}  // namespace
}  // namespace signum::onnx
