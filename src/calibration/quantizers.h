// The scales and zero-points of value quantizers, from the values of the float
// network.
#ifndef SIGNUM_CALIBRATION_QUANTIZERS_H_
#define SIGNUM_CALIBRATION_QUANTIZERS_H_

#include "calibration/observe.h"
#include "graph/graph.h"
#include "quant/range.h"
#include "signum/result.h"

namespace signum::calibration {

// Sets every Quantize node of `quantized` from the values that its input has in
// `floats`, the same network without quantizers (nodes have the same names). 2 bits
// and more: the range by `choice` from a histogram over all images, then
// quant::ChooseQuantizationParams; so where no value is below 0 the zero-point is 0.
// 1 bit: the shift is each channel's mean, the scale the mean distance from it.
// The images run twice. An error names a value that is not finite.
Status CalibrateQuantizers(Graph& quantized, const Graph& floats, const Images& images,
                           const quant::RangeChoice& choice);

}  // namespace signum::calibration

#endif  // SIGNUM_CALIBRATION_QUANTIZERS_H_
