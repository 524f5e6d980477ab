// Every operator on floats, against the interpreter, under every instruction set.
#include <cmath>

#include "runtime/testing/interpreter.h"
#include "runtime/testing/operator_cases.h"
#include "runtime/testing/run_program.h"

namespace signum::runtime {
namespace {

class FloatOps : public testing::TestWithParam<OperatorCase> {};

TEST_P(FloatOps, AgreeWithTheInterpreter) {
  RandomGraph random(GetParam().input, 7);
  GetParam().build(random);
  constexpr int64_t kBatch = 3;
  const std::vector<float> images = random.Images(kBatch);
  const std::vector<double> expected = Interpret(random.graph(), images, kBatch);
  for (Isa isa : SupportedIsas()) {
    for (int threads : {1, 3}) {
      const RunOptions options{isa, threads, threads == 1 ? kBatch : 2};
      const std::vector<float> got = RunGraph(random.graph(), images, kBatch, options);
      ASSERT_EQ(got.size(), expected.size());
      for (size_t i = 0; i < got.size(); ++i) {
        ASSERT_NEAR(got[i], expected[i], 1e-5 * (1 + std::abs(expected[i])))
            << "element " << i << " under " << IsaName(isa) << " with " << threads << " threads";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, FloatOps, testing::ValuesIn(OperatorCases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace signum::runtime
