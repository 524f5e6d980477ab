// safetensors files: named tensors behind a JSON header
// (https://huggingface.co/docs/safetensors). One that Signum wrote has the Graph's
// structure in its metadata and comes back as an equal Graph; any other is a
// TensorFile, as a PyTorch checkpoint is.
//
// The reader is a door to the outside world: header size, nesting, names, types,
// shapes and offsets are checked before anything is taken at its word.
#ifndef SIGNUM_FORMAT_SAFETENSORS_H_
#define SIGNUM_FORMAT_SAFETENSORS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "format/tensor_file.h"
#include "graph/graph.h"
#include "signum/result.h"

namespace signum {

// Whether a file that starts like this may be a safetensors file.
bool IsSafetensors(std::span<const uint8_t> bytes);

// The tensors in a file's bytes. As the format demands, they lie back to back in
// the whole of what follows the header. Allocates no more than a small multiple
// of the file's size.
Result<TensorFile> ParseSafetensors(std::vector<uint8_t> bytes);

// The same for the file at `path`, which the error names.
Result<TensorFile> ReadSafetensors(const std::string& path);

// Whether the file was written by Signum and says which Graph it holds.
bool HasGraph(const TensorFile& file);

// That Graph, verified. The file must have one.
Result<Graph> GraphOf(const TensorFile& file);

// The graph as a safetensors file: a tensor for each parameter, called as in a
// state_dict of PyTorch, float32 or, where it holds codes, int8. Equal graphs give
// equal bytes. The graph must verify and keep a .sgn file's limits (CheckLimits).
std::vector<uint8_t> SerializeSafetensors(const Graph& graph);

// The same to the file at `path`: written beside and renamed over it.
Status WriteSafetensors(const Graph& graph, const std::string& path);

}  // namespace signum

#endif  // SIGNUM_FORMAT_SAFETENSORS_H_
