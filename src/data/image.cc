#include "data/image.h"

#include <stb/stb_image.h>
#include <stb/stb_image_resize.h>
#include <stb/stb_image_write.h>

#include <memory>

#include "base/check.h"
#include "base/file.h"
#include "data/image_check.h"

namespace signum::data {
namespace {

// Interleaved to planar; of `from_channels` the first `channels` are kept.
Image FromInterleaved(const uint8_t* pixels, int64_t height, int64_t width, int from_channels,
                      int channels) {
  Image image = MakeImage(channels, height, width);
  const int64_t area = height * width;
  for (int c = 0; c < channels; ++c) {
    uint8_t* plane = image.pixels.data() + c * area;
    for (int64_t i = 0; i < area; ++i) plane[i] = pixels[i * from_channels + c];
  }
  return image;
}

Status CheckJpegPixels(std::span<const uint8_t> bytes, const std::string& name) {
  int width = 0, height = 0, channels = 0;
  const int size = static_cast<int>(bytes.size());
  if (stbi_info_from_memory(bytes.data(), size, &width, &height, &channels) == 0) {
    return Corrupt(name + " is a damaged image: " + stbi_failure_reason());
  }
  return CheckPixels(width, height, name);
}

}  // namespace

Image MakeImage(int64_t channels, int64_t height, int64_t width, uint8_t value) {
  SIGNUM_CHECK(channels >= 1 && height >= 1 && width >= 1);
  Image image{{channels, height, width}, {}};
  image.pixels.assign(static_cast<size_t>(image.shape.elements()), value);
  return image;
}

Result<Image> ReadImage(const std::string& path, int channels) {
  SIGNUM_ASSIGN_OR_RETURN(const auto bytes, base::ReadFile(path, kMaxImageFileBytes));
  return DecodeImage(bytes, channels, path);
}

Result<Image> DecodeImage(std::span<const uint8_t> bytes, int channels, const std::string& name) {
  SIGNUM_CHECK(channels == 1 || channels == 3);
  if (bytes.size() > kMaxImageFileBytes) {
    return Fail(ErrorCode::kResourceExhausted, name + " is larger than 64 MiB: shrink it first");
  }
  if (LooksLikePng(bytes)) {
    SIGNUM_RETURN_IF_ERROR(CheckPng(bytes, name));
  } else if (LooksLikeJpeg(bytes)) {
    SIGNUM_RETURN_IF_ERROR(CheckJpeg(bytes, name));
    SIGNUM_RETURN_IF_ERROR(CheckJpegPixels(bytes, name));
  } else {
    return Corrupt(name + " is neither a PNG nor a JPEG image; convert it to one of them");
  }
  int width = 0, height = 0, found = 0;
  const std::unique_ptr<stbi_uc, void (*)(void*)> pixels(
      stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width, &height, &found,
                            0),
      stbi_image_free);
  if (pixels == nullptr) return Corrupt(name + " is a damaged image: " + stbi_failure_reason());
  // 1: gray, 2: gray and alpha, 3: RGB, 4: RGB and alpha.
  const int colours = found <= 2 ? 1 : 3;
  return ConvertChannels(FromInterleaved(pixels.get(), height, width, found, colours), channels);
}

Image ResizeImage(const Image& image, int64_t height, int64_t width) {
  if (height == image.height() && width == image.width()) return image;
  Image resized = MakeImage(image.channels(), height, width);
  for (int64_t c = 0; c < image.channels(); ++c) {
    const int done = stbir_resize_uint8(
        image.pixels.data() + c * image.height() * image.width(), static_cast<int>(image.width()),
        static_cast<int>(image.height()), 0, resized.pixels.data() + c * height * width,
        static_cast<int>(width), static_cast<int>(height), 0, 1);
    SIGNUM_CHECK(done != 0);
  }
  return resized;
}

Image ConvertChannels(const Image& image, int channels) {
  SIGNUM_CHECK(channels == 1 || channels == 3);
  if (image.channels() == channels) return image;
  const size_t area = static_cast<size_t>(image.height() * image.width());
  Image converted{{channels, image.height(), image.width()}, {}};
  converted.pixels.reserve(area * static_cast<size_t>(channels));
  if (channels == 3) {
    for (int c = 0; c < 3; ++c) {
      converted.pixels.insert(converted.pixels.end(), image.pixels.begin(), image.pixels.end());
    }
    return converted;
  }
  const uint8_t* red = image.pixels.data();
  for (size_t i = 0; i < area; ++i) {
    const int luma = 299 * red[i] + 587 * red[area + i] + 114 * red[2 * area + i];
    converted.pixels.push_back(static_cast<uint8_t>((luma + 500) / 1000));
  }
  return converted;
}

std::vector<uint8_t> EncodePng(const Image& image) {
  const int channels = static_cast<int>(image.channels());
  SIGNUM_CHECK(channels == 1 || channels == 3);
  const size_t area = static_cast<size_t>(image.height() * image.width());
  std::vector<uint8_t> interleaved(image.pixels.size());
  for (size_t i = 0; i < area; ++i) {
    for (size_t c = 0; c < static_cast<size_t>(channels); ++c) {
      interleaved[i * static_cast<size_t>(channels) + c] = image.pixels[c * area + i];
    }
  }
  std::vector<uint8_t> bytes;
  const auto append = [](void* context, void* data, int size) {
    auto* out = static_cast<std::vector<uint8_t>*>(context);
    const auto* begin = static_cast<const uint8_t*>(data);
    out->insert(out->end(), begin, begin + size);
  };
  const int done = stbi_write_png_to_func(
      append, &bytes, static_cast<int>(image.width()), static_cast<int>(image.height()), channels,
      interleaved.data(), static_cast<int>(image.width()) * channels);
  SIGNUM_CHECK(done != 0);
  return bytes;
}

}  // namespace signum::data
