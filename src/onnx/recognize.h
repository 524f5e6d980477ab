// Recognizes what one operator of the Graph says and ONNX, or an exporter, says in
// several: 1-bit quantizers, normalization of the input, swish, padding. A pass on a
// Graph; knows no ONNX.
#ifndef SIGNUM_ONNX_RECOGNIZE_H_
#define SIGNUM_ONNX_RECOGNIZE_H_

#include "graph/graph.h"

namespace signum::onnx {

// A graph that computes the same, without the nodes that its output does not need:
//   sign(sign(x) + 0.5)              a 1-bit quantizer of scale 1, as sign(0) is 0
//   a 1-bit quantizer times s        one of scale s
//   a 1-bit quantizer of x - shift_c one with that shift
//   (input - mean_c) / deviation_c   a normalization
//   x sigmoid(x)                     swish
//   a convolution of a padded map    padding of the convolution: of zeros, or of +-s
//                                    around a 1-bit value of scale s
// The shapes of `graph` must fit.
Graph RecognizePatterns(const Graph& graph);

// The nodes that the value of `output` needs, which becomes the last; and the input.
Graph WithoutUnread(const Graph& graph, NodeId output);

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_RECOGNIZE_H_
