#include "runtime/signs.h"

#include "base/check.h"

namespace signum::runtime {

Signs::Signs(const SignsSpec& spec, int64_t channels)
    : codes_(spec.codes), output_(spec.output), kernel_(spec.kernel), channels_(channels) {
  SIGNUM_CHECK(codes_.encoding.codes && !codes_.bits && output_.encoding.bits == 1);
  const Encoding& encoding = codes_.encoding;
  for (int64_t c = 0; c < channels; ++c) {
    const float shift = spec.shift.empty() ? 0.0f : spec.shift[c];
    // Values rise with their codes, so the first that is large enough is the threshold.
    int code = 0;
    while (code <= encoding.highest_code() &&
           !(encoding.scale * static_cast<float>(code - encoding.zero_point) >= shift)) {
      ++code;
    }
    const bool possible = code <= encoding.highest_code();
    least_.push_back(static_cast<uint8_t>(possible ? code : 0));
    possible_.push_back(possible ? 255 : 0);
  }
  RepeatForRowsTogether(least_);
  RepeatForRowsTogether(possible_);
}

void Signs::Run(const RunContext& context, const RowBlock& block, int64_t first,
                int64_t count) const {
  const RowWalk from = WalkThrough(codes_, block);
  const RowWalk to = WalkThrough(output_, block);
  const bool behind_each_other = count == channels_ && from.pixel_stride == count &&
                                 to.pixel_stride * (output_.bits ? 8 : 1) == count;
  const int64_t together = behind_each_other ? RowsTogether(count, block.pixels) : 1;
  for (int64_t line = 0; line < block.lines; ++line) {
    const kernels::CodeSignsProblem problem = {
        .rows = block.pixels / together,
        .channels = count * together,
        .least = least_.data() + first,
        .possible = possible_.data() + first,
        .codes = context.At<const uint8_t>(codes_) + from.at(line) + first,
        .codes_stride = from.pixel_stride * together,
        .output = context.At<uint8_t>(output_) + to.at(line) + (output_.bits ? first / 8 : first),
        .output_stride = to.pixel_stride * together};
    (output_.bits ? kernel_->to_bits : kernel_->to_codes)(problem);
  }
  if (first == 0) FillRing(output_, block, context.At<std::byte>(output_));
}

}  // namespace signum::runtime
