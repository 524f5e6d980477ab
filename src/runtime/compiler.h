// Compiler: the state of one Compile. Private to the runtime; compile.cc says
// how the pieces follow each other, compile_chain.cc and compile_node.cc make the
// steps.
#ifndef SIGNUM_RUNTIME_COMPILER_H_
#define SIGNUM_RUNTIME_COMPILER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "runtime/chains.h"
#include "runtime/finish.h"
#include "runtime/float_steps.h"
#include "runtime/layout.h"
#include "runtime/program.h"

namespace signum::runtime {

// "64x8x8 u4", "10 f32": sizes of one image and u<bits> for codes.
std::string DescribeValue(const Value& value);

// How the codes of a Quantize node are to be read.
Encoding EncodingOf(const Node& quantize);

class Compiler {
 public:
  // `spent`, where not null, is the same graph, whose weights may go once they are packed.
  Compiler(const Graph& graph, Graph* spent, std::vector<Shape> shapes,
           const CompileOptions& options);

  Result<std::shared_ptr<const Program>> Run();

 private:
  // A value written by the step that is emitted next.
  Value NewValue(const Shape& shape, const Encoding& encoding = {}, const Layout& layout = {});
  // `value`, kept alive for the step that is emitted next.
  Value Use(const Value& value);
  void Emit(std::unique_ptr<const Step> step, StepReport report);
  StepReport ReportOf(NodeId id, const Value& output) const;
  StepReport ReportOf(const Chain& chain, const Value& output) const;
  StepReport ReportOf(const Chain& chain, const FinishSpec& spec) const;
  // Names the kernel of a chain's signs, if it has any, and what was refused for it.
  void ReportSigns(const FinishSpec& spec, StepReport& report) const;
  Status EmitAll();
  // Makes the values to keep outlive the last step.
  void Keep();

  // compile_chain.cc
  Status EmitChain(const Chain& chain);
  void EmitInput(const Chain& chain);
  // `source` takes the place of the head's input.
  void EmitStage(const Chain& chain, const Value& source);
  // A quantizer of 1 bit alone, whose input is codes.
  void EmitSigns(const Chain& chain, const Value& source);
  void EmitWeighted(const Chain& chain);
  // The one that options ask for, else the first; null of none.
  const Tactic* ChooseTactic(const std::string& layer, const std::vector<Tactic>& tactics) const;
  // The codes of `id` as planes of bits.
  Value AsPlanes(NodeId id);
  // Folds the chain's links into `spec`, creates its outputs and binds them.
  // Element i of a row is of channel i % channels.
  void Complete(const Chain& chain, int64_t row_length, int64_t channels, FinishSpec& spec);
  // The signs of `codes` that the quantizer `id` makes, in rows as above.
  SignsSpec NewSigns(NodeId id, const Value& codes, int64_t row_length, int64_t channels);
  void ApplyAffine(const Node& node, int64_t channels, FinishSpec& spec) const;

  // compile_node.cc
  Status EmitNode(NodeId id);
  // The value of `id` as floats; dequantizes it where it holds codes.
  Value AsFloats(NodeId id);
  // The same elements in the other order of a map: NHWC to NCHW or back.
  Value Transposed(NodeId id, const Value& value, int64_t rows, int64_t columns,
                   const Shape& shape);
  void EmitMaxPool(NodeId id, const MaxPoolOp& op);
  void EmitAveragePool(NodeId id, const AveragePoolOp& op);
  void EmitReshape(NodeId id);
  void EmitConcat(NodeId id, const ConcatOp& op);
  void EmitPad(NodeId id, const PadOp& op);
  void EmitUpsample(NodeId id, const UpsampleOp& op);
  void EmitAffine(NodeId id);
  Status EmitBinary(NodeId id, BinaryKind kind);
  void EmitMatMul(NodeId id);
  void EmitConstant(NodeId id);
  void EmitTranspose(NodeId id, const TransposeOp& op);
  void EmitConvTranspose(NodeId id, const ConvTransposeOp& op);
  // A float to float step made by make(input, output).
  template <typename Make>
  void EmitFloats(NodeId id, const Make& make);

  const Graph& graph_;
  Graph* spent_;
  std::vector<Shape> shapes_;
  const CompileOptions& options_;
  std::vector<bool> kept_;                          // by node
  std::vector<Layout> layouts_;                     // by node
  std::vector<Value> values_;                       // by node
  std::vector<std::optional<Value>> float_values_;  // by node, where AsFloats made one
  // What AsPlanes made, each behind its codes: the same codes may be maps of two shapes.
  std::vector<std::pair<Value, Value>> planes_values_;
  // Of the largest value that the step that is emitted next reads, or writes.
  int64_t largest_read_ = 0, largest_written_ = 0;
  std::unique_ptr<Program> program_;
};

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_COMPILER_H_
