// The operators of ONNX that become nodes of a Graph: one function each, listed in
// one table. A function gets the node, its inputs and the builder, and returns the
// node's outputs in order; its error says what does not fit, without the node's name.
#ifndef SIGNUM_ONNX_OPERATORS_H_
#define SIGNUM_ONNX_OPERATORS_H_

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "onnx/builder.h"
#include "onnx/node.h"
#include "onnx/value.h"
#include "signum/result.h"

namespace signum::onnx {

using Inputs = std::span<const Value>;
using Outputs = Result<std::vector<Value>>;
using ImportOperator = Outputs (*)(const OnnxNode& node, Inputs inputs, GraphBuilder& builder);

inline constexpr int kAnyNumber = 1 << 20;  // of inputs

struct OperatorEntry {
  std::string_view domain;  // "" for ONNX's own
  std::string_view name;
  int inputs_at_least = 1, inputs_at_most = 1;
  ImportOperator import = nullptr;
  // Whether the first input may be a constant while another is the network's value.
  bool constant_first = false;

  bool takes_any_number() const { return inputs_at_most == kAnyNumber; }
};

// Every entry, sorted by domain and name.
std::span<const OperatorEntry> Operators();
// The entry, or null.
const OperatorEntry* FindOperator(std::string_view domain, std::string_view name);

// What an operator of one output returns.
inline Outputs One(Result<Value> value) {
  if (!value) return tl::unexpected(std::move(value).error());
  return std::vector<Value>{*std::move(value)};
}

// Optional inputs: one that is not there is an absent Value.
inline const Value& InputOr(Inputs inputs, size_t index) {
  static const Value absent;
  return index < inputs.size() ? inputs[index] : absent;
}

// The numbers of an input that has to be a constant (axes, pads, scales): the error
// names it.
Result<ConstantPointer> NeedConstant(const Value& value, const char* what);
// A constant of integers; empty for an absent one.
Result<std::vector<int64_t>> NeedIntegers(const Value& value, const char* what);

#define SIGNUM_ONNX_OPERATOR(name) \
  Outputs name(const OnnxNode& node, Inputs inputs, GraphBuilder& builder)

// convolution.cc
SIGNUM_ONNX_OPERATOR(ImportConv);
SIGNUM_ONNX_OPERATOR(ImportConvTranspose);
// matrix.cc
SIGNUM_ONNX_OPERATOR(ImportGemm);
SIGNUM_ONNX_OPERATOR(ImportMatMul);
// elementwise.cc
SIGNUM_ONNX_OPERATOR(ImportAdd);
SIGNUM_ONNX_OPERATOR(ImportSub);
SIGNUM_ONNX_OPERATOR(ImportMul);
SIGNUM_ONNX_OPERATOR(ImportDiv);
SIGNUM_ONNX_OPERATOR(ImportNeg);
SIGNUM_ONNX_OPERATOR(ImportAbs);
SIGNUM_ONNX_OPERATOR(ImportRelu);
SIGNUM_ONNX_OPERATOR(ImportLeakyRelu);
SIGNUM_ONNX_OPERATOR(ImportPRelu);
SIGNUM_ONNX_OPERATOR(ImportClip);
SIGNUM_ONNX_OPERATOR(ImportSigmoid);
SIGNUM_ONNX_OPERATOR(ImportTanh);
SIGNUM_ONNX_OPERATOR(ImportHardSigmoid);
SIGNUM_ONNX_OPERATOR(ImportHardSwish);
SIGNUM_ONNX_OPERATOR(ImportSign);
SIGNUM_ONNX_OPERATOR(ImportBatchNormalization);
SIGNUM_ONNX_OPERATOR(ImportSoftmax);
SIGNUM_ONNX_OPERATOR(ImportDropout);
SIGNUM_ONNX_OPERATOR(ImportIdentity);
SIGNUM_ONNX_OPERATOR(ImportCast);
// pool.cc
SIGNUM_ONNX_OPERATOR(ImportMaxPool);
SIGNUM_ONNX_OPERATOR(ImportAveragePool);
SIGNUM_ONNX_OPERATOR(ImportGlobalAveragePool);
SIGNUM_ONNX_OPERATOR(ImportGlobalMaxPool);
SIGNUM_ONNX_OPERATOR(ImportReduceMean);
// move.cc
SIGNUM_ONNX_OPERATOR(ImportConcat);
SIGNUM_ONNX_OPERATOR(ImportFlatten);
SIGNUM_ONNX_OPERATOR(ImportReshape);
SIGNUM_ONNX_OPERATOR(ImportTranspose);
SIGNUM_ONNX_OPERATOR(ImportSqueeze);
SIGNUM_ONNX_OPERATOR(ImportUnsqueeze);
SIGNUM_ONNX_OPERATOR(ImportSlice);
SIGNUM_ONNX_OPERATOR(ImportSplit);
SIGNUM_ONNX_OPERATOR(ImportGather);
SIGNUM_ONNX_OPERATOR(ImportPad);
SIGNUM_ONNX_OPERATOR(ImportShape);
SIGNUM_ONNX_OPERATOR(ImportSize);
// resize.cc
SIGNUM_ONNX_OPERATOR(ImportResize);
SIGNUM_ONNX_OPERATOR(ImportUpsample);
// quantized.cc
SIGNUM_ONNX_OPERATOR(ImportQuantizeLinear);
SIGNUM_ONNX_OPERATOR(ImportDequantizeLinear);
SIGNUM_ONNX_OPERATOR(ImportQLinearConv);
SIGNUM_ONNX_OPERATOR(ImportQLinearMatMul);
SIGNUM_ONNX_OPERATOR(ImportConvInteger);
SIGNUM_ONNX_OPERATOR(ImportMatMulInteger);
// qonnx.cc
SIGNUM_ONNX_OPERATOR(ImportQuant);
SIGNUM_ONNX_OPERATOR(ImportBipolarQuant);
SIGNUM_ONNX_OPERATOR(ImportTrunc);

#undef SIGNUM_ONNX_OPERATOR

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_OPERATORS_H_
