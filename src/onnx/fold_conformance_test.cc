// Fold against the node tests of ONNX itself: every one whose graph is made of
// operators that Fold knows.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <filesystem>
#include <map>
#include <set>

#include "base/file.h"
#include "onnx/fold.h"
#include "onnx/tensor_proto.h"
#include "onnx/testing/is_close.h"

namespace signum::onnx {
namespace {

namespace fs = std::filesystem;

const fs::path kNodeTests = "/usr/share/libonnx-testdata/data/node";

// The tests that are left out though Fold knows their operators, and why.
const std::map<std::string, std::string> kLeftOut = {
    {"test_cast_FLOAT_to_BFLOAT16", "its data are cut off, where ONNX since 1.13 rounds"},
    {"test_cast_FLOAT_to_STRING", "strings"},
    {"test_cast_STRING_to_FLOAT", "strings"},
    {"test_castlike_FLOAT_to_BFLOAT16_expanded", "as above"},
    {"test_castlike_FLOAT_to_STRING_expanded", "strings"},
    {"test_castlike_STRING_to_FLOAT_expanded", "strings"},
    {"test_edge_pad", "only constant padding is folded"},
    {"test_identity_opt", "optional values"},
    {"test_identity_sequence", "sequences"},
    {"test_reflect_pad", "only constant padding is folded"},
    {"test_training_dropout", "random"},
    {"test_training_dropout_default", "random"},
    {"test_training_dropout_default_mask", "random"},
    {"test_training_dropout_mask", "random"},
};

template <typename Message>
Message Load(const fs::path& path) {
  Message message;
  const auto bytes = base::ReadFile(path);
  EXPECT_TRUE(bytes.has_value()) << path;
  if (bytes) {
    EXPECT_TRUE(message.ParseFromArray(bytes->data(), static_cast<int>(bytes->size()))) << path;
  }
  return message;
}

// The tensor in a file, as the model's value. Those of bfloat16 are labelled uint16 in
// the test data (NumPy has no such type).
Result<ConstantPointer> LoadTensor(const fs::path& path, const ::onnx::ValueInfoProto& value) {
  auto proto = Load<::onnx::TensorProto>(path);
  const bool is_bfloat16 = value.type().tensor_type().elem_type() == ::onnx::TensorProto::BFLOAT16;
  if (is_bfloat16) proto.set_data_type(::onnx::TensorProto::BFLOAT16);
  SIGNUM_ASSIGN_OR_RETURN(Constant tensor, ParseTensor(proto));
  return std::make_shared<const Constant>(std::move(tensor));
}

int64_t OpsetOf(const ::onnx::ModelProto& model) {
  for (const auto& import : model.opset_import()) {
    if (import.domain().empty()) return import.version();
  }
  return 1;
}

// The graph's values by name, from its inputs in the test's order.
using Values = std::map<std::string, ConstantPointer>;

Status Evaluate(const ::onnx::GraphProto& graph, int64_t opset, Values& values) {
  for (const ::onnx::NodeProto& proto : graph.node()) {
    std::vector<ConstantPointer> inputs;
    for (const std::string& name : proto.input()) {
      inputs.push_back(name.empty() ? nullptr : values.at(name));
    }
    FoldBudget budget{kFoldedElements};
    SIGNUM_ASSIGN_OR_RETURN(auto outputs, Fold(OnnxNode(proto, opset), inputs, budget));
    for (int i = 0; i < proto.output_size(); ++i) {
      values[proto.output(i)] = std::make_shared<const Constant>(std::move(outputs[i]));
    }
  }
  return {};
}

// Empty where they agree.
std::string Difference(const Constant& got, const Constant& wanted) {
  if (got.type != wanted.type || got.sizes != wanted.sizes) {
    return fmt::format("is {}, not {}", Describe(got), Describe(wanted));
  }
  for (int64_t i = 0; i < wanted.elements(); ++i) {
    const bool agrees = wanted.is_float() ? IsClose(got.Float(i), wanted.Float(i))
                                          : got.Integer(i) == wanted.Integer(i);
    if (!agrees) return fmt::format("element {}: {}, not {}", i, got.Float(i), wanted.Float(i));
  }
  return "";
}

void RunDataSet(const ::onnx::ModelProto& model, const fs::path& folder) {
  SCOPED_TRACE(folder.string());
  Values values;
  for (int i = 0; i < model.graph().input_size(); ++i) {
    const auto input = LoadTensor(folder / fmt::format("input_{}.pb", i), model.graph().input(i));
    ASSERT_TRUE(input.has_value()) << input.error().message;
    values[model.graph().input(i).name()] = *input;
  }
  const Status status = Evaluate(model.graph(), OpsetOf(model), values);
  ASSERT_TRUE(status.has_value()) << status.error().message;
  for (int i = 0; i < model.graph().output_size(); ++i) {
    const auto wanted =
        LoadTensor(folder / fmt::format("output_{}.pb", i), model.graph().output(i));
    ASSERT_TRUE(wanted.has_value()) << wanted.error().message;
    EXPECT_EQ(Difference(*values.at(model.graph().output(i).name()), **wanted), "") << i;
  }
}

bool CanFoldAll(const ::onnx::ModelProto& model) {
  for (const ::onnx::NodeProto& proto : model.graph().node()) {
    if (!CanFold(OnnxNode(proto, OpsetOf(model)))) return false;
  }
  return true;
}

TEST(FoldConformance, AgreesWithTheNodeTestsOfOnnx) {
  if (!fs::exists(kNodeTests))
    GTEST_SKIP() << kNodeTests << " is missing: install libonnx-testdata";
  std::set<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(kNodeTests)) folders.insert(entry.path());
  std::vector<std::string> ran;
  std::set<std::string> operators;
  for (const fs::path& folder : folders) {
    const std::string name = folder.filename();
    const auto model = Load<::onnx::ModelProto>(folder / "model.onnx");
    if (kLeftOut.contains(name) || !CanFoldAll(model)) continue;
    for (const auto& set : fs::directory_iterator(folder)) {
      if (set.is_directory()) RunDataSet(model, set.path());
    }
    ran.push_back(name);
    for (const auto& proto : model.graph().node()) operators.insert(proto.op_type());
  }
  for (const auto& [name, reason] : kLeftOut) fmt::print("left out {}: {}\n", name, reason);
  fmt::print("ran {} tests of {} operators\n{}\n{}\n", ran.size(), operators.size(),
             fmt::join(operators, " "), fmt::join(ran, " "));
  // That it found them at all.
  EXPECT_GE(ran.size(), 250u);
  EXPECT_GE(operators.size(), 60u);
}

}  // namespace
}  // namespace signum::onnx
