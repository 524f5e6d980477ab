#include "runtime/patches.h"

#include <algorithm>
#include <cstring>

namespace signum::runtime {
namespace {

// A memcpy for the short lengths that are usual here, without a call: moves of
// 16 bytes, the last of which overlaps the one before.
inline void CopyBytes(unsigned char* to, const unsigned char* from, int64_t bytes) {
  if (bytes > 512) {
    std::memcpy(to, from, static_cast<size_t>(bytes));
  } else if (bytes >= 16) {
    for (int64_t i = 0; i + 16 <= bytes; i += 16) __builtin_memcpy(to + i, from + i, 16);
    __builtin_memcpy(to + bytes - 16, from + bytes - 16, 16);
  } else if (bytes >= 8) {
    __builtin_memcpy(to, from, 8);
    __builtin_memcpy(to + bytes - 8, from + bytes - 8, 8);
  } else if (bytes >= 4) {
    __builtin_memcpy(to, from, 4);
    __builtin_memcpy(to + bytes - 4, from + bytes - 4, 4);
  } else {
    for (int64_t i = 0; i < bytes; ++i) to[i] = from[i];
  }
}

template <typename T>
inline void Copy(T* to, const T* from, int64_t count) {
  CopyBytes(reinterpret_cast<unsigned char*>(to), reinterpret_cast<const unsigned char*>(from),
            count * static_cast<int64_t>(sizeof(T)));
}

// Gathers output pixels that lie next to each other in one row of a map.
template <typename T>
class RowGatherer {
 public:
  RowGatherer(const ConvolutionGeometry& geometry, int64_t group, T pad, int64_t row_elements)
      : g_(geometry),
        group_(group),
        pad_(pad),
        row_elements_(row_elements),
        adjacent_(geometry.groups == 1 && geometry.window.dilation[1] == 1),
        row_taps_(geometry.window.kernel[1] * geometry.group_inputs()) {
    // Output columns [inside_first_, inside_last_) read no padding.
    const int64_t stride = g_.window.stride[1];
    const int64_t reach = g_.window.dilation[1] * (g_.window.kernel[1] - int64_t{1}) + 1;
    const int64_t left = g_.window.padding.left;
    inside_first_ = (left + stride - 1) / stride;
    const int64_t last_start = g_.in_width - reach + left;
    inside_last_ = last_start < 0 ? 0 : last_start / stride + 1;
  }

  void Gather(const T* map, int64_t out_y, int64_t out_x, int64_t count, T* rows) const {
    const Window& window = g_.window;
    for (int64_t ky = 0; ky < window.kernel[0]; ++ky) {
      const int64_t y = out_y * window.stride[0] - window.padding.top + ky * window.dilation[0];
      T* to = rows + ky * row_taps_;
      if (y < 0 || y >= g_.in_height) {
        for (int64_t i = 0; i < count; ++i) std::fill_n(to + i * row_elements_, row_taps_, pad_);
      } else {
        GatherKernelRow(map + y * g_.in_width * g_.in_channels, out_x, count, to);
      }
    }
    const int64_t beyond = row_elements_ - g_.depth();
    if (beyond == 0) return;
    for (int64_t i = 0; i < count; ++i) {
      std::fill_n(rows + i * row_elements_ + g_.depth(), beyond, T{0});
    }
  }

 private:
  void GatherKernelRow(const T* map_row, int64_t out_x, int64_t count, T* to) const {
    const int64_t end = out_x + count;
    if (!adjacent_) {
      for (; out_x < end; ++out_x, to += row_elements_) GatherTaps(map_row, out_x, to);
      return;
    }
    const int64_t inside_first = std::clamp(inside_first_, out_x, end);
    const int64_t inside_last = std::clamp(inside_last_, inside_first, end);
    for (; out_x < inside_first; ++out_x, to += row_elements_) GatherTaps(map_row, out_x, to);
    const int64_t step = g_.window.stride[1] * g_.in_channels;
    const T* from = map_row + out_x * step - g_.window.padding.left * g_.in_channels;
    for (; out_x < inside_last; ++out_x, to += row_elements_, from += step) {
      Copy(to, from, row_taps_);
    }
    for (; out_x < end; ++out_x, to += row_elements_) GatherTaps(map_row, out_x, to);
  }

  // Tap by tap: near the borders, and for dilated or grouped convolutions.
  void GatherTaps(const T* map_row, int64_t out_x, T* to) const {
    const int64_t channels = g_.group_inputs();
    const int64_t x0 = out_x * g_.window.stride[1] - g_.window.padding.left;
    for (int64_t kx = 0; kx < g_.window.kernel[1]; ++kx, to += channels) {
      const int64_t x = x0 + kx * g_.window.dilation[1];
      if (x < 0 || x >= g_.in_width) {
        std::fill_n(to, channels, pad_);
      } else {
        Copy(to, map_row + x * g_.in_channels + group_ * channels, channels);
      }
    }
  }

  const ConvolutionGeometry& g_;
  int64_t group_;
  T pad_;
  int64_t row_elements_;
  bool adjacent_;  // whether the taps of a kernel row are adjacent in the map
  int64_t row_taps_;
  int64_t inside_first_, inside_last_;
};

}  // namespace

template <typename T>
void GatherPatches(const ConvolutionGeometry& g, const T* input, int64_t group, T pad,
                   int64_t first, int64_t count, int64_t row_elements, T* rows) {
  const RowGatherer<T> gatherer(g, group, pad, row_elements);
  const int64_t map_elements = g.in_height * g.in_width * g.in_channels;
  const int64_t end = first + count;
  while (first < end) {
    const int64_t out_x = first % g.out_width;
    const int64_t run = std::min(end - first, g.out_width - out_x);
    gatherer.Gather(input + first / g.pixels() * map_elements, first % g.pixels() / g.out_width,
                    out_x, run, rows);
    first += run;
    rows += run * row_elements;
  }
}

template void GatherPatches<uint8_t>(const ConvolutionGeometry&, const uint8_t*, int64_t, uint8_t,
                                     int64_t, int64_t, int64_t, uint8_t*);
template void GatherPatches<float>(const ConvolutionGeometry&, const float*, int64_t, float,
                                   int64_t, int64_t, int64_t, float*);

}  // namespace signum::runtime
