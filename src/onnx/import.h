// ONNX import: a Graph from a model file of ONNX, opsets up to 21, float or quantized
// (QDQ, QLinear operators, QONNX). What it cannot say with the operators of the Graph it
// refuses, naming at once every such node that it can look at. Knows no trainer, no
// runtime.
#ifndef SIGNUM_ONNX_IMPORT_H_
#define SIGNUM_ONNX_IMPORT_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "signum/result.h"

namespace signum::onnx {

struct OnnxImportOptions {
  // The output to keep of a model with several; empty: it has one.
  std::string output;
  // Sizes of the input without the batch, for models that leave them open; empty: the
  // model's own.
  std::vector<int64_t> input_sizes;
  // What the network subtracts from its input's channels, and what it then divides them
  // by, where the model leaves that to its caller; empty: nothing.
  std::vector<float> mean, deviation;
  // The model's folder: where its external data may lie, or below. Empty refuses them.
  std::string folder;
};

// An ONNX node and what it became.
// Names are the file's, and may hold any bytes.
struct OnnxPlacement {
  std::string node, op;  // ONNX's
  std::string became;    // the Graph's operators, "Convolution+Add"; "(folded)"
};

struct OnnxImport {
  Graph graph;  // verified
  std::vector<OnnxPlacement> placements;
  std::vector<std::string> notes;  // what its user should know, one line each
  int64_t opset = 0;
  std::string producer;
  std::string output;                 // the output's name and type, as ONNX has them
  std::string output_type;            // "float32", "uint8", ...
  std::vector<int64_t> output_sizes;  // for `batch` images
  // Images in the first axis of the model's input; 1 where it is symbolic. `batched`:
  // whether that axis is the Graph's batch, and so may be of any size.
  int64_t batch = 1;
  bool batched = true;
};

// Whether a file that starts like this may be an ONNX model: protobuf has no magic
// number, so this looks at the first fields.
bool IsOnnx(std::span<const uint8_t> bytes);

// kCorrupt for bytes that are no ONNX model, kUnsupported for what a Graph cannot say.
// One error names every node that is refused, with its operator, the first 20 with their
// reasons (kUnsupported, 64,000 bytes at most). A node that reads what another would have
// made is not looked at, except for whether there is such an operator, and for layers
// behind one whose weight alone does not fit; the error counts those.
Result<OnnxImport> ImportOnnx(std::span<const uint8_t> bytes, const OnnxImportOptions& options);

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_IMPORT_H_
