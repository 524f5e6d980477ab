#include "format/state_dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "format/test_torch_files.h"
#include "format/torch_checkpoint.h"

namespace signum {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A batch norm and a linear layer called `last`, weights all `value`.
Graph SmallGraph(float value, const std::string& last = "linear") {
  Graph graph;
  graph.name = "small";
  NodeId x = graph.Add("input", InputOp{{1, 3, 1, 1}}, {});
  const Tensor channels = Tensor::Filled({3}, value);
  x = graph.Add("bn1", BatchNormOp{}, {x},
                {{"weight", channels},
                 {"bias", channels},
                 {"running_mean", channels},
                 {"running_var", channels}});
  x = graph.Add("flatten", FlattenOp{}, {x});
  graph.Add(last, LinearOp{.output_features = 2}, {x},
            {{"weight", Tensor::Filled({2, 3}, value)}, {"bias", Tensor::Filled({2}, value)}});
  return graph;
}

TensorFile Read(const format::TestCheckpoint& checkpoint) {
  auto file = ParseTorchCheckpoint(format::ToBytes(format::ZipFile(checkpoint)));
  if (!file) ADD_FAILURE() << file.error().message;
  return file ? *std::move(file) : TensorFile();
}

Status Assign(const format::TestCheckpoint& checkpoint, Graph& graph, AssignOptions options = {}) {
  const TensorFile file = Read(checkpoint);
  return AssignStateDict(MatchStateDict(graph, file), options, graph);
}

TEST(StateDict, TakesEveryParameterAndPassesOverCounters) {
  format::TestCheckpoint checkpoint = format::CheckpointOf(SmallGraph(0.25f));
  checkpoint.Add("bn1.num_batches_tracked", {}, {1});
  Graph graph = SmallGraph(1);
  const Status assigned = Assign(checkpoint, graph);
  ASSERT_TRUE(assigned.has_value()) << assigned.error().message;
  EXPECT_EQ(graph, SmallGraph(0.25f));
}

TEST(StateDict, KnowsOtherPortsNames) {
  for (const auto& [in_file, in_graph] : {std::pair{"fc", "linear"}, {"linear", "fc"}}) {
    Graph graph = SmallGraph(1, in_graph);
    const Status assigned = Assign(format::CheckpointOf(SmallGraph(0.25f, in_file)), graph);
    ASSERT_TRUE(assigned.has_value()) << assigned.error().message;
    EXPECT_EQ(graph, SmallGraph(0.25f, in_graph));
  }
  Graph graph = SmallGraph(1, "layer1.0.shortcut.0");
  EXPECT_TRUE(Assign(format::CheckpointOf(SmallGraph(2, "layer1.0.downsample.0")), graph));
  // What only ends like such a name is another.
  graph = SmallGraph(1, "linear");
  EXPECT_FALSE(Assign(format::CheckpointOf(SmallGraph(2, "myfc")), graph));
}

TEST(StateDict, AnOwnNameComesBeforeAnothers) {
  format::TestCheckpoint checkpoint = format::CheckpointOf(SmallGraph(0.25f));
  checkpoint.Add("fc.weight", {2, 3}, std::vector<float>(6, 9));
  const TensorFile file = Read(checkpoint);
  const StateDictMatch match = MatchStateDict(SmallGraph(1), file);
  EXPECT_THAT(match.unexpected, ElementsAre("fc.weight"));
}

TEST(StateDict, OneErrorNamesAllThatDoesNotFit) {
  format::TestCheckpoint checkpoint = format::CheckpointOf(SmallGraph(0.25f));
  // In order: bn1's bias, running_mean, running_var, weight; linear's bias, weight.
  checkpoint.tensors[0].key = "bn2.bias";
  checkpoint.tensors[5].sizes = {3, 2};
  checkpoint.tensors[5].strides = {2, 1};
  Graph graph = SmallGraph(1);
  const Status assigned = Assign(checkpoint, graph);
  ASSERT_FALSE(assigned.has_value());
  EXPECT_THAT(assigned.error().message,
              AllOf(HasSubstr("does not fit small"), HasSubstr("1 key is missing (bn1.bias)"),
                    HasSubstr("1 key is unexpected (bn2.bias)"),
                    HasSubstr("(linear.weight is 3x2, needs 2x3)"), HasSubstr("--allow-missing")));
  EXPECT_EQ(graph, SmallGraph(1));
  const Status allowed = Assign(checkpoint, graph, {true, true});
  ASSERT_FALSE(allowed.has_value());
  EXPECT_THAT(allowed.error().message,
              AllOf(HasSubstr("needs 2x3"), Not(HasSubstr("missing")), Not(HasSubstr("bn2"))));
}

TEST(StateDict, MissingAndUnexpectedMayBeAllowed) {
  format::TestCheckpoint checkpoint = format::CheckpointOf(SmallGraph(0.25f));
  checkpoint.tensors[0].key = "bn2.bias";
  Graph graph = SmallGraph(1);
  EXPECT_FALSE(Assign(checkpoint, graph, {.allow_missing = true}));
  EXPECT_FALSE(Assign(checkpoint, graph, {.allow_unexpected = true}));
  ASSERT_TRUE(Assign(checkpoint, graph, {true, true}));
  EXPECT_EQ(graph.node(1).Find("bias")->floats()[0], 1);
  EXPECT_EQ(graph.node(1).Find("weight")->floats()[0], 0.25f);
}

TEST(StateDict, IntegersAreNoWeights) {
  format::TestCheckpoint checkpoint = format::CheckpointOf(SmallGraph(0.25f));
  checkpoint.tensors[0].storage_class = "IntStorage";
  Graph graph = SmallGraph(1);
  const Status assigned = Assign(checkpoint, graph);
  ASSERT_FALSE(assigned.has_value());
  EXPECT_THAT(assigned.error().message, HasSubstr("'bn1.bias' is of type int32"));
}

TEST(StateDict, LongListsAreCut) {
  const TensorFile nothing;
  Graph graph = SmallGraph(1);
  for (int i = 0; i < 30; ++i) {
    graph.Add(std::string("l") + std::to_string(i), LinearOp{.output_features = 2, .bias = false},
              {graph.output()}, {{"weight", Tensor::Filled({2, 2}, 1)}});
  }
  const Status assigned = AssignStateDict(MatchStateDict(graph, nothing), {}, graph);
  ASSERT_FALSE(assigned.has_value());
  EXPECT_THAT(assigned.error().message,
              AllOf(HasSubstr("36 keys are missing"), HasSubstr("and 12 more")));
}

}  // namespace
}  // namespace signum
