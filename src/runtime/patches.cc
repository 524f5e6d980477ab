#include "runtime/patches.h"

#include <algorithm>
#include <cstring>

namespace signum::runtime {
namespace {

// A memcpy whose short lengths, the usual ones here, need no call.
template <typename T>
inline T* Append(T* to, const T* from, int64_t count) {
  auto* target = reinterpret_cast<unsigned char*>(to);
  auto* source = reinterpret_cast<const unsigned char*>(from);
  int64_t bytes = count * static_cast<int64_t>(sizeof(T));
  if (bytes > 512) {
    std::memcpy(target, source, static_cast<size_t>(bytes));
    return to + count;
  }
  for (; bytes >= 16; bytes -= 16, target += 16, source += 16) __builtin_memcpy(target, source, 16);
  if (bytes & 8) {
    __builtin_memcpy(target, source, 8);
    target += 8, source += 8;
  }
  if (bytes & 4) {
    __builtin_memcpy(target, source, 4);
    target += 4, source += 4;
  }
  for (bytes &= 3; bytes > 0; --bytes) *target++ = *source++;
  return to + count;
}

template <typename T>
inline T* AppendFill(T* to, int64_t count, T value) {
  std::fill_n(to, count, value);
  return to + count;
}

// One kernel row of a patch whose columns and channels are adjacent in the map.
template <typename T>
inline T* AppendAdjacentRow(const ConvolutionGeometry& g, const T* map_row, int64_t x0, T pad,
                            T* to) {
  const int64_t kernel = g.window.kernel[1];
  const int64_t before = std::clamp<int64_t>(-x0, 0, kernel);
  const int64_t after = std::clamp<int64_t>(x0 + kernel - g.in_width, 0, kernel - before);
  if (before > 0) to = AppendFill(to, before * g.in_channels, pad);
  const int64_t inside = kernel - before - after;
  to = Append(to, map_row + (x0 + before) * g.in_channels, inside * g.in_channels);
  if (after > 0) to = AppendFill(to, after * g.in_channels, pad);
  return to;
}

// The same, tap by tap, for dilated or grouped convolutions.
template <typename T>
inline T* AppendRow(const ConvolutionGeometry& g, const T* map_row, int64_t x0, int64_t group,
                    T pad, T* to) {
  const int64_t channels = g.group_inputs();
  for (int64_t kx = 0; kx < g.window.kernel[1]; ++kx) {
    const int64_t x = x0 + kx * g.window.dilation[1];
    if (x < 0 || x >= g.in_width) {
      to = AppendFill(to, channels, pad);
    } else {
      to = Append(to, map_row + x * g.in_channels + group * channels, channels);
    }
  }
  return to;
}

}  // namespace

template <typename T>
void GatherPatches(const ConvolutionGeometry& g, const T* input, int64_t group, T pad,
                   int64_t first, int64_t count, int64_t row_elements, T* rows) {
  const Window& window = g.window;
  const bool adjacent = g.groups == 1 && window.dilation[1] == 1;
  const int64_t row_taps = window.kernel[1] * g.group_inputs();
  const int64_t beyond = row_elements - g.depth();
  const int64_t map_elements = g.in_height * g.in_width * g.in_channels;
  const T* map = input + first / g.pixels() * map_elements;
  int64_t out_y = first % g.pixels() / g.out_width;
  int64_t out_x = first % g.out_width;
  for (int64_t i = 0; i < count; ++i) {
    T* to = rows + i * row_elements;
    const int64_t x0 = out_x * window.stride[1] - window.padding.left;
    for (int64_t ky = 0; ky < window.kernel[0]; ++ky) {
      const int64_t y = out_y * window.stride[0] - window.padding.top + ky * window.dilation[0];
      if (y < 0 || y >= g.in_height) {
        to = AppendFill(to, row_taps, pad);
      } else if (const T* map_row = map + y * g.in_width * g.in_channels; adjacent) {
        to = AppendAdjacentRow(g, map_row, x0, pad, to);
      } else {
        to = AppendRow(g, map_row, x0, group, pad, to);
      }
    }
    if (beyond > 0) AppendFill(to, beyond, T{0});
    if (++out_x < g.out_width) continue;
    out_x = 0;
    if (++out_y < g.out_height) continue;
    out_y = 0;
    map += map_elements;
  }
}

template void GatherPatches<uint8_t>(const ConvolutionGeometry&, const uint8_t*, int64_t, uint8_t,
                                     int64_t, int64_t, int64_t, uint8_t*);
template void GatherPatches<float>(const ConvolutionGeometry&, const float*, int64_t, float,
                                   int64_t, int64_t, int64_t, float*);

}  // namespace signum::runtime
