// Whether a PNG or JPEG file is whole, before it is decoded. stb_image trusts
// checksums that it does not look at, fills a cut JPEG with gray, inflates as much
// as a PNG's data asks for, and overruns its tables for a hostile JPEG; these checks
// make all four errors. Internal to this room: DecodeImage is the way in.
#ifndef SIGNUM_DATA_IMAGE_CHECK_H_
#define SIGNUM_DATA_IMAGE_CHECK_H_

#include <cstdint>
#include <span>
#include <string>

#include "signum/result.h"

namespace signum::data {

bool LooksLikePng(std::span<const uint8_t> bytes);
bool LooksLikeJpeg(std::span<const uint8_t> bytes);

// kResourceExhausted where there are more than kMaxImagePixels, kCorrupt where
// there are none.
Status CheckPixels(int64_t width, int64_t height, const std::string& name);

// CheckPixels, every chunk's length and CRC, the end chunk, and that the image data inflates,
// with its checksum, to no more than an image of that size can have.
Status CheckPng(std::span<const uint8_t> bytes, const std::string& name);

// That every segment is whole, that Huffman tables are as large as they may be, and
// that an end mark follows.
Status CheckJpeg(std::span<const uint8_t> bytes, const std::string& name);

}  // namespace signum::data

#endif  // SIGNUM_DATA_IMAGE_CHECK_H_
