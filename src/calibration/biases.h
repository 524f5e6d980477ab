// Biases that make up for what quantization moves on average.
#ifndef SIGNUM_CALIBRATION_BIASES_H_
#define SIGNUM_CALIBRATION_BIASES_H_

#include <cstdint>

#include "calibration/observe.h"
#include "graph/graph.h"
#include "signum/result.h"

namespace signum::calibration {

// The memory that CorrectBiases may take for values that it goes on from.
inline constexpr int64_t kMostResumeBytes = int64_t{1} << 30;

// Subtracts from the bias of every convolution and linear layer with quantized
// weights the mean, over the images and each channel, by which its output differs
// from that in `floats`, the same network without quantizers (nodes have the same
// names): the empirical form of Nagel et al., ICCV 2019, section 4.2 and appendix D.
// Layer after layer, so that each sees what the ones before it became.
//
// A layer's images run not from the start but from the last place before it where all
// values go through one quantizer of 2 bits or more, as they do between the blocks of a
// ResNet; the codes there are kept, a byte each, unless those of all images take more
// than `resume_bytes`. The result is the same wherever they run from.
Status CorrectBiases(Graph& quantized, const Graph& floats, const Images& images,
                     int64_t resume_bytes = kMostResumeBytes);

}  // namespace signum::calibration

#endif  // SIGNUM_CALIBRATION_BIASES_H_
