// Which part of a tensor's values its codes should cover: a range from a
// histogram. Pure functions on numbers.
#ifndef SIGNUM_QUANT_RANGE_H_
#define SIGNUM_QUANT_RANGE_H_

#include <string>
#include <vector>

#include "quant/affine.h"
#include "quant/histogram.h"
#include "signum/result.h"

namespace signum::quant {

enum class RangeMethod {
  kMinMax,      // every value that was seen
  kPercentile,  // without the outermost values
  kL2,          // the least squared error over the histogram
};

struct RangeChoice {
  RangeMethod method = RangeMethod::kMinMax;
  double percentile = 99.99;  // kPercentile: of the values at either end; above 50, up to 100
};

// "min-max", "percentile", "l2". An error lists them.
std::string RangeMethodName(RangeMethod method);
Result<RangeMethod> ParseRangeMethod(const std::string& name);
std::vector<std::string> RangeMethodNames();

// The range that leaves out at most 100 - percentile percent of the values at
// each end, in whole bins, and holds 0. The whole range of an empty histogram.
Range PercentileRange(const Histogram& histogram, double percentile);

// A range and its error.
struct NormSearch {
  Range range;
  double norm = 0;  // sum of squared errors over the histogram's values
};

// The range of whole bins whose 2^bits equal cells, each value moved to the centre
// of its own (the end ones take what lies outside), give the least squared error,
// where values spread evenly within a bin. Every start and width are tried in
// rising order of width, then start, and only less replaces: the norm minimization
// of Caffe2's DNNLOWP (caffe2/quantization/server/norm_minimization.cc; Park et
// al., "Deep Learning Inference in Facebook Data Centers", 2018, section 3.2.2).
// `symmetric`: only ranges centred at 0 (from 0 where no value is below it).
// bits 1 to 8. Takes about bins^2 / 2 * 2^bits steps, of which most are skipped
// because what they would clip is too much already.
NormSearch LeastNormRange(const Histogram& histogram, int bits, bool symmetric);

// The range for a k-bit quantizer, by the method.
Range ChooseRange(const Histogram& histogram, const RangeChoice& choice, int bits, bool symmetric);

}  // namespace signum::quant

#endif  // SIGNUM_QUANT_RANGE_H_
