// Program: a graph compiled for one instruction set. Immutable; executors share
// it. It holds packed weights, steps and the memory plan per image, and knows
// neither threads nor batch sizes: any of them gives the same numbers.
#ifndef SIGNUM_RUNTIME_PROGRAM_H_
#define SIGNUM_RUNTIME_PROGRAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "graph/graph.h"
#include "kernels/kernel.h"
#include "runtime/step.h"
#include "runtime/tactics.h"
#include "runtime/value.h"
#include "signum/result.h"

namespace signum::runtime {

// What a step does most: which limit of the machine it can come near.
enum class Arithmetic { kNone, kFloat, kInt8, kBits };

// What `signum info --kernels` and `signum bench` say about a step.
struct StepReport {
  std::string name;    // of the first node that went into the step
  std::string ops;     // "Convolution+BatchNorm+Add+ReLU+Quantize"
  std::string kernel;  // "gemm_u8w1_x86_avx512, output_stage_x86_avx512"; "" for plain code
  std::string output;  // "64x8x8 u4"
  std::vector<kernels::Refusal> refused;
  Arithmetic arithmetic = Arithmetic::kNone;
  // Of a layer of codes: how it is computed, and how it could be, as FindTactics ranks them.
  Tactic tactic;
  std::vector<Tactic> tactics;
  int planes_step = -1;      // the number of the step that makes planes of its input, if any
  int64_t macs = 0;          // for one image
  int64_t planes = 1;        // products of bits to a multiply-accumulate
  int64_t map_bytes = 0;     // of what it reads and writes for one image
  int64_t weight_bytes = 0;  // packed
};

struct PlannedStep {
  std::unique_ptr<const Step> step;
  StepReport report;
};

struct CompileOptions {
  Isa isa = Isa::kScalar;  // the highest level that kernels may use
  // Nodes whose values an Executor hands to an observer: they are stored, and stay
  // until the run ends, which costs memory and splits what would be one step.
  std::vector<NodeId> keep;
  // Of layers for which the fastest is known; unknown names of layers or tactics count for
  // nothing.
  TacticNames tactics;
};

// A value that CompileOptions::keep asked for.
struct KeptValue {
  NodeId node = 0;
  Value value;
};

class Program {
 public:
  const std::vector<PlannedStep>& steps() const { return steps_; }
  const std::vector<Storage>& storages() const { return storages_; }
  const std::vector<KeptValue>& kept() const { return kept_; }
  int64_t arena_bytes_per_image() const { return arena_bytes_per_image_; }
  int64_t scratch_bytes_per_thread() const { return scratch_bytes_per_thread_; }
  // Packed weights, in bytes.
  int64_t weight_bytes() const { return weight_bytes_; }
  // What no engine can do without: the weights at their own number of bits, and per image
  // the two largest maps of which a step reads one and writes the other, without rings.
  int64_t least_weight_bytes() const { return least_weight_bytes_; }
  int64_t neighbour_bytes_per_image() const { return neighbour_bytes_per_image_; }
  // Shapes at batch size 1, as the IR has them.
  const Shape& input_shape() const { return input_shape_; }
  const Shape& output_shape() const { return output_shape_; }
  Isa isa() const { return isa_; }

 private:
  friend class Compiler;
  Program() = default;

  std::vector<PlannedStep> steps_;
  std::vector<Storage> storages_;
  std::vector<KeptValue> kept_;
  int64_t arena_bytes_per_image_ = 0;
  int64_t scratch_bytes_per_thread_ = 0;
  int64_t weight_bytes_ = 0;
  int64_t least_weight_bytes_ = 0;
  int64_t neighbour_bytes_per_image_ = 0;
  Shape input_shape_;
  Shape output_shape_;
  Isa isa_ = Isa::kScalar;
};

// Folds batch norms and quantizers into output stages, packs weights, chooses
// kernels and plans memory. The graph must verify. Weights that are still floats
// but have a weight quantizer are quantized first. kUnsupported names a node
// that the runtime cannot run or whose accumulators could overflow,
// kResourceExhausted one whose value is too large.
Result<std::shared_ptr<const Program>> Compile(const Graph& graph, const CompileOptions& options);
// The same, of a graph that nobody needs any more: it is changed where it stands, and each
// weight goes as soon as it is packed, so that there are never two copies of all of them.
Result<std::shared_ptr<const Program>> Compile(Graph&& graph, const CompileOptions& options);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_PROGRAM_H_
