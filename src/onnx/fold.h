// Folds the operators of an ONNX graph whose inputs are all known: the chains that
// compute shapes, and what exporters leave to do with weights. A small evaluator on
// typed constants, in the semantics of the ONNX specification (Operators.md) at the
// node's opset; knows no Graph.
#ifndef SIGNUM_ONNX_FOLD_H_
#define SIGNUM_ONNX_FOLD_H_

#include <cstdint>
#include <span>
#include <vector>

#include "onnx/constant.h"
#include "onnx/node.h"
#include "signum/result.h"

namespace signum::onnx {

// What a model may ask for beside its own weights, in elements.
inline constexpr int64_t kFoldedElements = int64_t{1} << 24;

// What may still be allocated for a model: a file of a few bytes can ask for tensors of
// any size (ConstantOfShape, Expand, Tile), chains of them double it, and any number of
// layers may read one weight. Sums of products are not allocated and cost time: they are
// counted for themselves, a second or so of them.
struct FoldBudget {
  int64_t elements = 0;
  int64_t products = int64_t{1} << 30;
  // Takes so many; kResourceExhausted where not so many are left.
  Status Take(int64_t count);
  // `results` sums of `depth` products each; both are 0 or more.
  Status TakeProducts(int64_t results, int64_t depth);
};

// Whether Fold knows the operator.
bool CanFold(const OnnxNode& node);

// The outputs of `node` for these inputs, in order; absent optional inputs are null.
// Integer arithmetic wraps around as in the element's type; a division of integers by
// zero is an error. The error says what of the node does not fit, without its name.
Result<std::vector<Constant>> Fold(const OnnxNode& node, std::span<const ConstantPointer> inputs,
                                   FoldBudget& budget);

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_FOLD_H_
