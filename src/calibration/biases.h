// Biases that make up for what quantization moves on average.
#ifndef SIGNUM_CALIBRATION_BIASES_H_
#define SIGNUM_CALIBRATION_BIASES_H_

#include "calibration/observe.h"
#include "graph/graph.h"
#include "signum/result.h"

namespace signum::calibration {

// Subtracts from the bias of every convolution and linear layer with quantized
// weights the mean, over the images and each channel, by which its output differs
// from that in `floats`, the same network without quantizers (nodes have the same
// names): the empirical form of Nagel et al., ICCV 2019, section 4.2 and appendix D.
// Layer after layer, so that each sees what the ones before it became. The images
// run once for every layer, as far as that.
Status CorrectBiases(Graph& quantized, const Graph& floats, const Images& images);

}  // namespace signum::calibration

#endif  // SIGNUM_CALIBRATION_BIASES_H_
