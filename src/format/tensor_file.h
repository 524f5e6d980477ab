// Tensors as other frameworks' files hold them: named, of many element types,
// strided views of shared storages. What the readers of PyTorch checkpoints and
// safetensors files return, and what a Graph's parameters are taken from.
#ifndef SIGNUM_FORMAT_TENSOR_FILE_H_
#define SIGNUM_FORMAT_TENSOR_FILE_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/tensor.h"
#include "signum/result.h"

namespace signum {

struct ElementType {
  std::string_view name;  // as PyTorch calls it
  int bytes = 0;
  bool operator==(const ElementType&) const = default;
};

inline constexpr ElementType kFloat32Elements{"float32", 4}, kFloat64Elements{"float64", 8},
    kFloat16Elements{"float16", 2}, kBfloat16Elements{"bfloat16", 2}, kInt8Elements{"int8", 1};

// A checked view: CheckView holds for it. Element i, j, ... is i * strides[0] +
// j * strides[1] + ... elements behind the first.
struct StoredTensor {
  std::string key;
  ElementType type;
  std::vector<int64_t> sizes;
  std::vector<int64_t> strides;
  std::span<const uint8_t> data;  // from the first element on, little-endian

  std::string ShapeText() const;  // "16x3x3x3"
};

// The tensors of one file. Keys are unique and plain text. Moves, but is not
// copied: the tensors point into what it owns.
struct TensorFile {
  TensorFile() = default;
  TensorFile(TensorFile&&) = default;
  TensorFile& operator=(TensorFile&&) = default;

  std::string kind;                             // "PyTorch checkpoint"
  std::vector<StoredTensor> tensors;            // in the file's order
  std::vector<std::string> others;              // keys whose values are no tensors
  std::map<std::string, std::string> metadata;  // what the file says of itself
  // What the tensors' data point into.
  std::vector<uint8_t> bytes;
  std::vector<std::vector<uint8_t>> storages;
};

// Whether a view of these sizes and strides that starts `offset` elements into a
// storage of `storage_elements` stays within it, has few axes, and no more
// elements than the storage, so that a file cannot unfold into more than its own
// size. The error continues a sentence that starts with the tensor's key.
Status CheckView(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides,
                 int64_t offset, int64_t storage_elements);

// The strides of a dense, row-major tensor whose element count fits 64 bits.
std::vector<int64_t> DenseStrides(const std::vector<int64_t>& sizes);

// Whether a tensor may have this key: not empty, plain text, not long.
Status CheckKey(std::string_view key);

// The elements as float32, rounded to the nearest where they are wider.
// kUnsupported where they are no floating-point numbers; the error names the
// tensor and its type.
Result<Tensor> ToFloats(const StoredTensor& stored);

// The elements of an int8 tensor.
Result<Tensor> ToCodes(const StoredTensor& stored);

}  // namespace signum

#endif  // SIGNUM_FORMAT_TENSOR_FILE_H_
