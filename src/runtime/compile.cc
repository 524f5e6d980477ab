// From a graph to a program: chains become weighted or stage steps, every other
// node a step of its own, each reading and writing values of the arena.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/check.h"
#include "format/accumulator_bounds.h"
#include "graph/passes/quantize_before_pooling.h"
#include "kernels/tile_rows.h"
#include "quant/freeze_weights.h"
#include "runtime/chains.h"
#include "runtime/compiler.h"
#include "runtime/memory_plan.h"
#include "runtime/stage_step.h"

namespace signum::runtime {
namespace {

// A file of a few bytes may ask for values of any size; larger ones than this
// (1 GiB as floats) are taken for a mistake before anything is allocated.
Status CheckSizes(const Graph& graph, const std::vector<Shape>& shapes) {
  constexpr int64_t kMostElements = int64_t{1} << 28;
  for (NodeId id = 0; id < graph.size(); ++id) {
    if (shapes[id].elements() <= kMostElements) continue;
    const Node& node = graph.node(id);
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("node '{}' ({}): its value of {} for one image is above the limit of "
                            "{} elements; use smaller images",
                            node.name, OpName(node.op), shapes[id].ToString(), kMostElements));
  }
  return {};
}

// The batch axis must stay the batch: a step sees all images of a run as one
// stretch, and a node that mixed them would make results depend on the batch.
Status CheckBatchAxis(const Graph& graph, const std::vector<Shape>& shapes) {
  const Result<std::vector<Shape>> doubled = InferShapes(graph, 2);
  if (!doubled) {
    return Unsupported(doubled.error().message +
                       " for two images: the network fixes its batch size; make the first size of "
                       "its reshapes 0");
  }
  for (NodeId id = 0; id < graph.size(); ++id) {
    Shape expected = shapes[id];
    bool kept = expected.rank() >= 1 && expected[0] == 1;
    if (kept) expected[0] = 2;
    kept = kept && expected == (*doubled)[id];
    const Op& op = graph.node(id).op;
    if (const auto* concat = std::get_if<ConcatOp>(&op)) kept = kept && concat->axis != 0;
    if (const auto* softmax = std::get_if<SoftmaxOp>(&op)) kept = kept && softmax->axis != 0;
    if (const auto* pad = std::get_if<PadOp>(&op)) {
      kept = kept && pad->before[0] == 0 && pad->after[0] == 0;
    }
    if (kept) continue;
    return Unsupported(
        fmt::format("node '{}' ({}) works along the batch axis; the runtime keeps images apart",
                    graph.node(id).name, OpName(op)));
  }
  return {};
}

bool NeedsFreezing(const Graph& graph) {
  for (const Node& node : graph.nodes()) {
    const auto* quantizer = WeightQuantizerSlot(node.op);
    if (quantizer == nullptr || !*quantizer) continue;
    if (node.parameters.at("weight").type() == DataType::kFloat32) return true;
  }
  return false;
}

}  // namespace

std::string DescribeValue(const Value& value) {
  std::string text;
  for (int axis = 1; axis < value.shape.rank(); ++axis) {
    text += fmt::format("{}{}", axis > 1 ? "x" : "", value.shape[axis]);
  }
  if (value.bits && value.planes() > 1) return text + fmt::format(" {} planes", value.planes());
  if (value.bits) return text + " bits";
  if (value.encoding.codes) return text + fmt::format(" u{}", value.encoding.bits);
  return text + " f32";
}

Encoding EncodingOf(const Node& quantize) {
  const auto& op = std::get<QuantizeOp>(quantize.op);
  const float scale = quantize.Find("scale")->floats()[0];
  if (op.bits == 1) return {.codes = true, .scale = scale, .zero_point = 1, .bits = 1};
  return {.codes = true, .scale = scale, .zero_point = op.zero_point, .bits = op.bits};
}

Compiler::Compiler(const Graph& graph, Graph* spent, std::vector<Shape> shapes,
                   const CompileOptions& options)
    : graph_(graph),
      spent_(spent),
      shapes_(std::move(shapes)),
      options_(options),
      kept_(graph.size()),
      values_(graph.size()),
      float_values_(graph.size()),
      program_(new Program) {
  for (NodeId id : options.keep) kept_[id] = true;
  program_->isa_ = options.isa;
  program_->input_shape_ = shapes_[0];
  program_->output_shape_ = shapes_[graph.output()];
}

Value Compiler::NewValue(const Shape& shape, const Encoding& encoding, const Layout& layout) {
  Value value{static_cast<int>(program_->storages_.size()), shape, encoding};
  value.bits = layout.bits;
  value.ring = layout.ring;
  if (!layout.bits) value.ring_code = static_cast<uint8_t>(encoding.zero_point + layout.pad_code);
  Storage storage;
  // Kernels read a little beyond the rows of codes, and ignore what they find; nobody must
  // be writing there.
  storage.bytes = value.image_bytes() + (encoding.codes ? kernels::kOverread : 0);
  storage.first_step = storage.last_step = static_cast<int>(program_->steps_.size());
  program_->storages_.push_back(storage);
  largest_written_ = std::max(largest_written_, value.map_bytes());
  return value;
}

Value Compiler::Use(const Value& value) {
  SIGNUM_CHECK(value.storage >= 0);
  Storage& storage = program_->storages_[value.storage];
  storage.last_step = static_cast<int>(program_->steps_.size());
  largest_read_ = std::max(largest_read_, value.map_bytes());
  return value;
}

void Compiler::Emit(std::unique_ptr<const Step> step, StepReport report) {
  program_->scratch_bytes_per_thread_ =
      std::max(program_->scratch_bytes_per_thread_, step->scratch_bytes());
  program_->neighbour_bytes_per_image_ =
      std::max(program_->neighbour_bytes_per_image_, largest_read_ + largest_written_);
  largest_read_ = largest_written_ = 0;
  program_->steps_.push_back({std::move(step), std::move(report)});
}

StepReport Compiler::ReportOf(NodeId id, const Value& output) const {
  const Node& node = graph_.node(id);
  return {.name = node.name, .ops = OpName(node.op), .output = DescribeValue(output)};
}

StepReport Compiler::ReportOf(const Chain& chain, const Value& output) const {
  StepReport report = ReportOf(chain.head, output);
  for (size_t i = 1; i < chain.nodes.size(); ++i) {
    report.ops += '+';
    report.ops += OpName(graph_.node(chain.nodes[i]).op);
  }
  return report;
}

StepReport Compiler::ReportOf(const Chain& chain, const FinishSpec& spec) const {
  StepReport report = ReportOf(chain, spec.codes_output ? *spec.codes_output : *spec.float_output);
  if (spec.signs) report.output += spec.signs->output.bits ? " and bits" : " and signs";
  return report;
}

Status Compiler::EmitAll() {
  // Steps are made where chains end, so that all that they read is there.
  std::map<NodeId, const Chain*> ending_at;
  std::vector<bool> in_chain(graph_.size());
  const std::vector<Chain> chains = FindChains(graph_, shapes_, kept_);
  layouts_ = PlanLayouts(graph_, shapes_, chains, kept_);
  for (const Chain& chain : chains) {
    ending_at[chain.position] = &chain;
    for (NodeId id : chain.nodes) in_chain[id] = true;
  }
  for (NodeId id = 0; id < graph_.size(); ++id) {
    if (const auto found = ending_at.find(id); found != ending_at.end()) {
      SIGNUM_RETURN_IF_ERROR(EmitChain(*found->second));
    } else if (!in_chain[id]) {
      if (Status status = EmitNode(id); !status) {
        const Node& node = graph_.node(id);
        return tl::unexpected(
            status.error().In(fmt::format("node '{}' ({})", node.name, OpName(node.op))));
      }
    }
  }
  return {};
}

void Compiler::Keep() {
  for (NodeId id : options_.keep) program_->kept_.push_back({id, Use(values_[id])});
}

Result<std::shared_ptr<const Program>> Compiler::Run() {
  SIGNUM_RETURN_IF_ERROR(EmitAll());
  Keep();
  const Value output = Use(values_[graph_.output()]);
  Emit(MakeOutputStep(output),
       {.name = "output", .ops = "Output", .output = DescribeValue(output)});
  program_->arena_bytes_per_image_ = PlanMemory(program_->storages_);
  return std::shared_ptr<const Program>(std::move(program_));
}

namespace {

// `spent` as Compiler has it.
Result<std::shared_ptr<const Program>> CompileReady(const Graph& graph, Graph* spent,
                                                    const CompileOptions& options) {
  SIGNUM_ASSIGN_OR_RETURN(std::vector<Shape> shapes, InferShapes(graph));
  SIGNUM_RETURN_IF_ERROR(CheckSizes(graph, shapes));
  SIGNUM_RETURN_IF_ERROR(CheckBatchAxis(graph, shapes));
  SIGNUM_RETURN_IF_ERROR(CheckAccumulators(graph));
  for (NodeId id : options.keep) SIGNUM_CHECK(id >= 0 && id < graph.size());
  return Compiler(graph, spent, std::move(shapes), options).Run();
}

// Nodes to keep are those of the graph as it is.
bool MovesQuantizers(const Graph& graph, const CompileOptions& options) {
  return options.keep.empty() && HasQuantizedPooling(graph);
}

}  // namespace

Result<std::shared_ptr<const Program>> Compile(const Graph& graph, const CompileOptions& options) {
  if (NeedsFreezing(graph) || MovesQuantizers(graph, options)) {
    return Compile(Graph(graph), options);
  }
  return CompileReady(graph, nullptr, options);
}

Result<std::shared_ptr<const Program>> Compile(Graph&& graph, const CompileOptions& options) {
  if (NeedsFreezing(graph)) quant::FreezeWeights(graph);
  if (MovesQuantizers(graph, options)) QuantizeBeforePooling(graph);
  return CompileReady(graph, &graph, options);
}

}  // namespace signum::runtime
