// Single images: PNG and JPEG files to planar bytes and back, resized and
// converted between gray and colour. Knows nothing of datasets or networks.
#ifndef SIGNUM_DATA_IMAGE_H_
#define SIGNUM_DATA_IMAGE_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/shape.h"
#include "signum/result.h"

namespace signum::data {

struct Image {
  Shape shape;                  // {channels, height, width}; channels 1 (gray) or 3 (RGB)
  std::vector<uint8_t> pixels;  // planar, {channels, height, width}

  int64_t channels() const { return shape[0]; }
  int64_t height() const { return shape[1]; }
  int64_t width() const { return shape[2]; }
};

// An image of one value. The sizes are at least 1.
Image MakeImage(int64_t channels, int64_t height, int64_t width, uint8_t value = 0);

// Larger files are refused before they are read, and larger images before they
// are decoded: a few bytes can claim billions of pixels.
inline constexpr size_t kMaxImageFileBytes = size_t{64} << 20;
inline constexpr int64_t kMaxImagePixels = int64_t{64} << 20;

// Reads a PNG or JPEG file as `channels` channels, 1 or 3; transparency is
// dropped. kNotFound, kIo, kCorrupt (not such an image, or damaged) or
// kResourceExhausted (too large); the message names the path.
Result<Image> ReadImage(const std::string& path, int channels);

// The same from the bytes of a file; `name` stands for it in errors.
Result<Image> DecodeImage(std::span<const uint8_t> bytes, int channels, const std::string& name);

// The image at another size: Mitchell-Netravali where it shrinks, with the filter
// widened so that nothing aliases, Catmull-Rom where it grows (stb_image_resize's
// defaults), in the sRGB values as they are. Both sizes are at least 1.
Image ResizeImage(const Image& image, int64_t height, int64_t width);

// 1 <-> 3 channels: gray from RGB is BT.601's luma, (299 R + 587 G + 114 B) / 1000
// rounded to nearest; RGB from gray repeats it. `channels` is 1 or 3.
Image ConvertChannels(const Image& image, int channels);

// A PNG file: 8 bits, gray or RGB.
std::vector<uint8_t> EncodePng(const Image& image);

}  // namespace signum::data

#endif  // SIGNUM_DATA_IMAGE_H_
