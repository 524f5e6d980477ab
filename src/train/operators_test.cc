// Every operator in libtorch, against the interpreter of the runtime's tests: so
// trainer and runtime mean the same by it.
#include <gtest/gtest.h>

#include <cmath>

#include "runtime/testing/interpreter.h"
#include "runtime/testing/operator_cases.h"
#include "train/graph_module.h"

namespace signum::train {
namespace {

class Operators : public testing::TestWithParam<runtime::OperatorCase> {};

TEST_P(Operators, AgreeWithTheInterpreter) {
  runtime::RandomGraph random(GetParam().input, 7);
  GetParam().build(random);
  constexpr int64_t kBatch = 3;
  std::vector<float> images = random.Images(kBatch);
  const std::vector<double> expected = runtime::Interpret(random.graph(), images, kBatch);
  std::vector<int64_t> sizes = GetParam().input.sizes();
  sizes[0] = kBatch;
  torch::NoGradGuard no_gradients;
  GraphModule module(random.graph(), {}, torch::kCPU);
  const torch::Tensor got =
      module.Forward(torch::from_blob(images.data(), sizes, torch::kFloat), {}).contiguous();
  ASSERT_EQ(got.numel(), static_cast<int64_t>(expected.size()));
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(got.data_ptr<float>()[i], expected[i], 1e-5 * (1 + std::abs(expected[i])))
        << "element " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, Operators, testing::ValuesIn(runtime::OperatorCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace signum::train
