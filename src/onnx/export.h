// From a Graph to an ONNX model, for other runtimes and tools. Knows the operators
// of ONNX and of QONNX; knows no file and no runtime.
#ifndef SIGNUM_ONNX_EXPORT_H_
#define SIGNUM_ONNX_EXPORT_H_

#include <string>

#include "graph/graph.h"
#include "signum/result.h"

namespace signum::onnx {

// How quantizers are said.
enum class OnnxForm {
  // In ONNX's own operators: QuantizeLinear and DequantizeLinear, with a Clip of the
  // integers between them below 8 bits ("QCDQ": Pappalardo et al., "QONNX:
  // Representing Arbitrary-Precision Quantized Neural Networks", 2022, section 4);
  // 1-bit values as Sign(Sign(x - shift) + 0.5) scale, since ONNX's Sign(0) is 0;
  // weights as int8 codes and a scale; biases as int32 where they can be.
  kQdq,
  // In the operators Quant and BipolarQuant of QONNX (domain
  // qonnx.custom_op.general), on float weights. Quant rounds after it has added the
  // zero-point and Signum before, which differs at ties where the zero-point is odd.
  kQonnx,
};

inline constexpr int kOldestOnnxOpset = 9;
inline constexpr int kNewestOnnxOpset = 17;

struct OnnxExportOptions {
  OnnxForm form = OnnxForm::kQdq;
  int opset = 17;  // kOldestOnnxOpset to kNewestOnnxOpset
};

// The bytes of an ONNX model of a verified graph with all its values: the same bytes
// for the same graph and options.
//
// It takes "input", floats of the graph's input shape with a symbolic batch "N", and
// gives "output". Nodes carry the graph's names; where a node of the graph becomes
// several, the one that gives its value does, but QuantizeLinear in a quantizer, and
// the others have names that begin with it. Parameters are initializers named
// NODE.ROLE ("layer1.0.conv1.weight"). The graph's metadata are properties
// "signum.metadata.KEY", its class names, as a JSON array, "signum.class_names".
//
// Float weights that wait to be quantized are frozen first. In the form kQdq biases
// are first rounded by SnapBiases (graph/passes/snap_biases.h), because ONNX Runtime
// sums integers only where the bias is an integer too: so the model differs from the
// graph by up to half a unit of an accumulator.
//
// kInvalidArgument for an opset out of range; kUnsupported, naming node and operator,
// for what the opset or ONNX cannot say; kResourceExhausted for a model above 2 GB,
// which Protocol Buffers cannot hold.
Result<std::string> ExportOnnx(const Graph& graph, const OnnxExportOptions& options);

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_EXPORT_H_
