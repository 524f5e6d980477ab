// ONNX's own backend tests, one case each: every test of the operators that the importer
// knows passes, but for those of a table that says why not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "onnx/testing/backend_tests.h"

namespace signum::onnx {

// For GoogleTest, which looks here and would print their bytes.
void PrintTo(const BackendTest& test, std::ostream* out) { *out << test.folder; }
void PrintTo(Verdict verdict, std::ostream* out) { *out << VerdictName(verdict); }

namespace {

using ::testing::HasSubstr;

// Tests that are unsupported on principle, and what their reason must say.
const std::map<std::string, std::string>& Unsupported() {
  static const std::map<std::string, std::string> tests = {
      // A network at inference draws no random numbers and keeps its statistics.
      {"node/batchnorm_epsilon_training_mode", "training mode"},
      {"node/batchnorm_example_training_mode", "training mode"},
      {"node/training_dropout", "training mode"},
      {"node/training_dropout_default", "training mode"},
      {"node/training_dropout_default_mask", "training mode"},
      {"node/training_dropout_mask", "training mode"},
      // Values are tensors of numbers.
      {"node/identity_opt", "is optional"},
      {"node/identity_sequence", "is a sequence"},
      {"node/cast_FLOAT_to_STRING", "string"},
      {"node/cast_STRING_to_FLOAT", "string"},
      {"node/castlike_FLOAT_to_STRING_expanded", "string"},
      {"node/castlike_STRING_to_FLOAT_expanded", "string"},
      // Indices into the input are no values of a network.
      {"node/maxpool_with_argmax_2d_precomputed_pads", "output 1"},
      {"node/maxpool_with_argmax_2d_precomputed_strides", "output 1"},
      // Faults of the data: ONNX 1.12 cut off where it says that it rounds.
      {"node/cast_FLOAT_to_BFLOAT16", "cut off"},
      {"node/castlike_FLOAT_to_BFLOAT16_expanded", "cut off"},
      // Numbers above float32.
      {"pytorch-operator/operator_addconstant", "does not fit float32"},
      {"pytorch-operator/operator_add_broadcast", "does not fit float32"},
      {"pytorch-operator/operator_add_size1_right_broadcast", "does not fit float32"},
      {"pytorch-operator/operator_add_size1_singleton_broadcast", "does not fit float32"},
      // Opset 6, whose broadcasting has an axis.
      {"pytorch-operator/operator_add_size1_broadcast", "from an axis on"},
  };
  return tests;
}

class Conformance : public ::testing::TestWithParam<BackendTest> {};

TEST_P(Conformance, Passes) {
  const BackendTest& test = GetParam();
  const auto isas = IsasToTest();
  ASSERT_TRUE(isas) << isas.error().message;
  const auto result = RunBackendTest(test, *isas);
  ASSERT_TRUE(result) << result.error().message;
  const auto listed = Unsupported().find(test.name);
  if (!result->known) {
    EXPECT_EQ(listed, Unsupported().end()) << "is listed, but has operators of others";
    return;
  }
  EXPECT_NE(result->verdict, Verdict::kWrong) << result->reason;
  if (listed == Unsupported().end()) {
    EXPECT_NE(result->verdict, Verdict::kUnsupported) << result->reason;
  } else {
    EXPECT_EQ(result->verdict, Verdict::kUnsupported) << "is listed, but passes";
    EXPECT_THAT(result->reason, HasSubstr(listed->second));
  }
}

std::string CaseName(const ::testing::TestParamInfo<BackendTest>& info) {
  std::string name = info.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Conformance);
INSTANTIATE_TEST_SUITE_P(Onnx, Conformance, ::testing::ValuesIn(FindBackendTests()), CaseName);

TEST(ConformanceData, IsInstalled) {
  const std::vector<BackendTest> tests = FindBackendTests();
  if (tests.empty()) GTEST_SKIP() << "ONNX's backend tests are not installed (libonnx-testdata)";
  for (const auto& [name, reason] : Unsupported()) {
    EXPECT_TRUE(std::any_of(tests.begin(), tests.end(),
                            [&name = name](const BackendTest& test) { return test.name == name; }))
        << name << " is listed, but is no test";
  }
}

}  // namespace
}  // namespace signum::onnx
