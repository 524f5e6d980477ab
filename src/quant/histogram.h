// Histogram: how often the values of a tensor fall where. Holds counts only;
// range.h chooses ranges from them.
#ifndef SIGNUM_QUANT_HISTOGRAM_H_
#define SIGNUM_QUANT_HISTOGRAM_H_

#include <cstdint>
#include <span>
#include <vector>

#include "quant/affine.h"

namespace signum::quant {

// As many as Caffe2's DNNLOWP takes: eight for each of 256 codes.
inline constexpr int kHistogramBins = 2048;

class Histogram {
 public:
  // Empty, with bins of equal width over `range` extended to hold 0. Both bounds
  // finite, low <= high, bins at least 1.
  explicit Histogram(Range range, int bins = kHistogramBins);
  // With counts that are there already; 0 must lie within the range.
  Histogram(Range range, std::vector<int64_t> counts);

  // Counts finite values; those outside of the range go to the bin at its end.
  void Add(std::span<const float> values);

  Range range() const { return range_; }
  std::span<const int64_t> counts() const { return counts_; }
  int bins() const { return static_cast<int>(counts_.size()); }
  int64_t total() const;
  // 0 where the range is 0 alone.
  double bin_width() const;
  // Where bin `bin` begins; bins() gives the end of the last.
  float Edge(int bin) const;

 private:
  Range range_;
  std::vector<int64_t> counts_;
};

}  // namespace signum::quant

#endif  // SIGNUM_QUANT_HISTOGRAM_H_
