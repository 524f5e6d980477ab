#include "runtime/bilinear_step.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"

namespace signum::runtime {
namespace {

// The two inputs that an output coordinate lies between, and the share of the later.
struct Between {
  int64_t first, second;
  float share;
};

Between Locate(int64_t at, int64_t scale, int64_t size) {
  const float centre = (static_cast<float>(at) + 0.5f) / static_cast<float>(scale) - 0.5f;
  const float source = centre > 0.0f ? centre : 0.0f;
  const auto first = std::min(static_cast<int64_t>(source), size - 1);
  return {first, std::min(first + 1, size - 1), source - static_cast<float>(first)};
}

class BilinearStep : public Step {
 public:
  BilinearStep(int scale, const Value& input, const Value& output,
               const kernels::BilinearKernel& kernel)
      : input_(input), output_(output), kernel_(kernel) {
    SIGNUM_CHECK(input.is_dense() && output.is_dense());
    for (int64_t x = 0; x < output.width(); ++x) {
      const Between at = Locate(x, scale, input.width());
      columns_.push_back({.left = at.first * input.channels(),
                          .right = at.second * input.channels(),
                          .left_weight = 1.0f - at.share,
                          .right_weight = at.share});
    }
    for (int64_t y = 0; y < output.height(); ++y) {
      const Between at = Locate(y, scale, input.height());
      lines_.push_back({.above_weight = 1.0f - at.share, .below_weight = at.share});
      if (bands_.empty() || bands_.back().count == kBandLines || bands_.back().above != at.first ||
          bands_.back().below != at.second) {
        bands_.push_back({.above = at.first, .below = at.second, .first = y});
      }
      ++bands_.back().count;
    }
  }

  void Run(const RunContext& context) const override {
    const auto bands = static_cast<int64_t>(bands_.size());
    context.pool->ParallelFor(context.batch * bands, [&](int64_t piece, int) {
      const int64_t image = piece / bands;
      const Band& band = bands_[static_cast<size_t>(piece % bands)];
      if (input_.encoding.codes) {
        RunBand<uint8_t>(context, image, band, kernel_.run_u8);
      } else {
        RunBand<float>(context, image, band, kernel_.run_f32);
      }
    });
  }

 private:
  // Output lines between the same two lines of the input; not too many, for they are what
  // threads share.
  struct Band {
    int64_t above, below;
    int64_t first;
    int64_t count = 0;
  };
  static constexpr int64_t kBandLines = 4;

  template <typename T, typename Kernel>
  void RunBand(const RunContext& context, int64_t image, const Band& band, Kernel run) const {
    const int64_t output_stride = output_.width() * output_.channels();
    const T* map = context.At<const T>(input_) + image * input_.elements();
    const int64_t input_stride = input_.width() * input_.channels();
    run({.channels = output_.channels(),
         .columns = columns_.data(),
         .column_count = output_.width(),
         .lines = lines_.data() + band.first,
         .line_count = band.count,
         .zero_point = input_.encoding.zero_point,
         .scale = input_.encoding.scale,
         .output =
             context.At<float>(output_) + image * output_.elements() + band.first * output_stride,
         .output_stride = output_stride},
        map + band.above * input_stride, map + band.below * input_stride);
  }

  Value input_, output_;
  const kernels::BilinearKernel& kernel_;
  std::vector<kernels::BilinearColumn> columns_;
  std::vector<kernels::BilinearLine> lines_;
  std::vector<Band> bands_;
};

}  // namespace

std::unique_ptr<const Step> MakeBilinearStep(int scale, const Value& input, const Value& output,
                                             const kernels::BilinearKernel& kernel) {
  return std::make_unique<BilinearStep>(scale, input, output, kernel);
}

}  // namespace signum::runtime
