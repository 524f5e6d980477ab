// Products of matrices.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "onnx/fold_operators.h"
#include "onnx/fold_walk.h"

namespace signum::onnx::fold {
namespace {

// An MxK matrix times a KxN one.
struct Extents {
  int64_t rows = 1, depth = 1, columns = 1;
};

// Adds the product's rows up in double.
void Multiply(const float* a, const float* b, Extents extents, float* product) {
  std::vector<double> row(static_cast<size_t>(extents.columns));
  for (int64_t i = 0; i < extents.rows; ++i) {
    std::fill(row.begin(), row.end(), 0.0);
    for (int64_t k = 0; k < extents.depth; ++k) {
      const double factor = a[i * extents.depth + k];
      const float* other = b + k * extents.columns;
      for (int64_t j = 0; j < extents.columns; ++j) row[j] += factor * other[j];
    }
    for (int64_t j = 0; j < extents.columns; ++j) {
      product[i * extents.columns + j] = static_cast<float>(row[j]);
    }
  }
}

Result<std::vector<float>> FloatsOf(const Constant& input) {
  SIGNUM_RETURN_IF_ERROR(CheckFloat(input));
  return input.Floats();
}

// As numpy.matmul: the last two axes are matrices, those before them broadcast; a
// vector is a row on the left and a column on the right, and leaves no axis.
Result<Constant> MatMul(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(const auto a, FloatsOf(call[0]));
  SIGNUM_ASSIGN_OR_RETURN(const auto b, FloatsOf(call[1]));
  std::vector<int64_t> left = call[0].sizes, right = call[1].sizes;
  if (left.empty() || right.empty()) return InvalidArgument("cannot multiply scalars as matrices");
  const bool is_row = left.size() == 1, is_column = right.size() == 1;
  if (is_row) left.insert(left.begin(), 1);
  if (is_column) right.push_back(1);
  const Extents extents{left.end()[-2], left.back(), right.back()};
  if (right.end()[-2] != extents.depth) {
    return InvalidArgument(
        fmt::format("cannot multiply {} by {}", Describe(call[0]), Describe(call[1])));
  }
  left.resize(left.size() - 2);
  right.resize(right.size() - 2);
  SIGNUM_ASSIGN_OR_RETURN(const auto batch, BroadcastSizes(left, right));
  std::vector<int64_t> sizes = batch;
  if (!is_row) sizes.push_back(extents.rows);
  if (!is_column) sizes.push_back(extents.columns);
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(sizes));
  SIGNUM_RETURN_IF_ERROR(call.budget.TakeProducts(count, extents.depth));
  std::vector<float> product(static_cast<size_t>(count));
  if (count > 0) {
    float* next = product.data();
    Walk<2>(batch, {BroadcastStrides(left, batch), BroadcastStrides(right, batch)}, {0, 0},
            [&](int64_t i, int64_t j) {
              Multiply(a.data() + i * extents.rows * extents.depth,
                       b.data() + j * extents.depth * extents.columns, extents, next);
              next += extents.rows * extents.columns;
            });
  }
  return Constant::OfFloats(std::move(sizes), std::move(product));
}

// The matrix, transposed where it is asked for.
Result<Constant> MatrixOf(const Call& call, size_t index, const char* attribute) {
  const Constant& matrix = call[index];
  SIGNUM_RETURN_IF_ERROR(CheckFloat(matrix));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t transposed, call.node.Int(attribute, 0));
  if (matrix.rank() != 2) {
    return InvalidArgument(fmt::format("takes matrices, not {}", Describe(matrix)));
  }
  if (transposed == 0) return matrix;
  const int64_t rows = matrix.sizes[0], columns = matrix.sizes[1];
  return ReadBy(matrix, {columns, rows}, {1, columns});
}

Result<Constant> Gemm(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(const float alpha, call.node.Float("alpha", 1));
  SIGNUM_ASSIGN_OR_RETURN(const float beta, call.node.Float("beta", 1));
  SIGNUM_ASSIGN_OR_RETURN(const Constant a, MatrixOf(call, 0, "transA"));
  SIGNUM_ASSIGN_OR_RETURN(const Constant b, MatrixOf(call, 1, "transB"));
  const Extents extents{a.sizes[0], a.sizes[1], b.sizes[1]};
  if (b.sizes[0] != extents.depth) {
    return InvalidArgument(fmt::format("cannot multiply {} by {}", Describe(a), Describe(b)));
  }
  const std::vector<int64_t> sizes{extents.rows, extents.columns};
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(sizes));
  SIGNUM_RETURN_IF_ERROR(call.budget.TakeProducts(count, extents.depth));
  std::vector<float> product(static_cast<size_t>(count));
  Multiply(a.Floats().data(), b.Floats().data(), extents, product.data());
  for (float& value : product) value *= alpha;
  if (call.Has(2)) {
    SIGNUM_ASSIGN_OR_RETURN(const auto added, FloatsOf(call[2]));
    SIGNUM_ASSIGN_OR_RETURN(const auto both, BroadcastSizes(call[2].sizes, sizes));
    if (both != sizes) {
      return InvalidArgument(
          fmt::format("cannot add {} to {}", Describe(call[2]), SizesText(sizes)));
    }
    auto next = product.begin();
    Walk<1>(sizes, {BroadcastStrides(call[2].sizes, sizes)}, {0},
            [&](int64_t at) { *next++ += beta * added[at]; });
  }
  return Constant::OfFloats(sizes, std::move(product));
}

}  // namespace

std::span<const Operator> LinearOperators() {
  static constexpr Operator kOperators[] = {
      {"Gemm", 2, 3, One<Gemm>},
      {"MatMul", 2, 2, One<MatMul>},
  };
  return kOperators;
}

}  // namespace signum::onnx::fold
