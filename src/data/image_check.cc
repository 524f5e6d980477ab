#include "data/image_check.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "data/image.h"

namespace signum::data {
namespace {

constexpr std::array<uint8_t, 8> kPngSignature = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
constexpr size_t kPngHeaderBytes = 13;

uint32_t BigEndian32(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | p[3];
}

Status Damaged(const std::string& name, const std::string& what) {
  return Corrupt(name + " is a damaged image: " + what);
}

// Counts what a zlib stream inflates to, piece by piece, keeping none of it.
class InflateCounter {
 public:
  explicit InflateCounter(uint64_t limit) : limit_(limit) {
    ready_ = inflateInit(&stream_) == Z_OK;
  }
  ~InflateCounter() {
    if (ready_) inflateEnd(&stream_);
  }
  InflateCounter(const InflateCounter&) = delete;
  InflateCounter& operator=(const InflateCounter&) = delete;

  bool Add(std::span<const uint8_t> piece) {
    if (!ready_) return false;
    stream_.next_in = const_cast<Bytef*>(piece.data());  // zlib's interface; not written to
    stream_.avail_in = static_cast<uInt>(piece.size());
    while (stream_.avail_in > 0 && !ended_) {
      stream_.next_out = scratch_.data();
      stream_.avail_out = static_cast<uInt>(scratch_.size());
      const int code = inflate(&stream_, Z_NO_FLUSH);
      if (code != Z_OK && code != Z_STREAM_END) return false;
      ended_ = code == Z_STREAM_END;
      if (stream_.total_out > limit_) return false;
    }
    return true;
  }

  // Whether the stream ended, which includes that its checksum is right.
  bool ended() const { return ended_; }

 private:
  uint64_t limit_;
  z_stream stream_ = {};
  bool ready_ = false;
  bool ended_ = false;
  std::vector<uint8_t> scratch_ = std::vector<uint8_t>(1 << 16);
};

// The most bytes that the image data of a PNG with this header inflates to: up to
// 4 samples of 16 bits a pixel, a filter byte a row, seven passes if interlaced.
uint64_t MostPngBytes(const uint8_t* header) {
  const uint64_t width = BigEndian32(header);
  const uint64_t height = BigEndian32(header + 4);
  return height * (width * 8 + 1) + 8 * (height + width) + 64;
}

constexpr uint8_t kHuffmanTables = 0xc4;
constexpr uint8_t kEndOfImage = 0xd9;
constexpr uint8_t kStartOfScan = 0xda;

// Whether every table of the segment has at most 256 codes and is all there; each
// is 1 byte of name, 16 of how many codes there are of each length, and the codes'
// values. stb_image writes beyond its tables where there are more.
bool HuffmanTablesFit(std::span<const uint8_t> tables) {
  while (!tables.empty()) {
    if (tables.size() < 17) return false;
    size_t codes = 0;
    for (size_t i = 1; i < 17; ++i) codes += tables[i];
    if (codes > 256 || tables.size() - 17 < codes) return false;
    tables = tables.subspan(17 + codes);
  }
  return true;
}

// Where the image data that starts at `at` ends: at the first ff that is followed
// neither by 0, which stands for a byte ff, nor by a restart mark (d0 to d7).
size_t EndOfScan(std::span<const uint8_t> bytes, size_t at) {
  for (; at + 1 < bytes.size(); ++at) {
    if (bytes[at] != 0xff || bytes[at + 1] == 0) continue;
    if (bytes[at + 1] < 0xd0 || bytes[at + 1] > 0xd7) return at;
  }
  return bytes.size();
}

}  // namespace

bool LooksLikePng(std::span<const uint8_t> bytes) {
  return bytes.size() >= kPngSignature.size() &&
         std::equal(kPngSignature.begin(), kPngSignature.end(), bytes.begin());
}

bool LooksLikeJpeg(std::span<const uint8_t> bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff;
}

Status CheckPixels(int64_t width, int64_t height, const std::string& name) {
  if (width < 1 || height < 1) return Damaged(name, "it has no pixels");
  if (width <= kMaxImagePixels / height) return {};
  return Fail(ErrorCode::kResourceExhausted, name + " has " + std::to_string(width) + "x" +
                                                 std::to_string(height) + " pixels; at most " +
                                                 std::to_string(kMaxImagePixels) +
                                                 " are read: shrink it first");
}

Status CheckPng(std::span<const uint8_t> bytes, const std::string& name) {
  size_t at = kPngSignature.size();
  if (bytes.size() < at + 8 + kPngHeaderBytes) return Damaged(name, "it is cut off");
  const uint8_t* header = bytes.data() + at + 8;
  SIGNUM_RETURN_IF_ERROR(CheckPixels(BigEndian32(header), BigEndian32(header + 4), name));
  InflateCounter data(MostPngBytes(header));
  for (bool first = true;; first = false) {
    if (bytes.size() - at < 12) return Damaged(name, "it is cut off");
    const uint32_t length = BigEndian32(bytes.data() + at);
    if (length > bytes.size() - at - 12) return Damaged(name, "it is cut off");
    const std::string_view type(reinterpret_cast<const char*>(bytes.data()) + at + 4, 4);
    const auto contents = bytes.subspan(at + 8, length);
    const uLong crc = crc32(0, bytes.data() + at + 4, static_cast<uInt>(length + 4));
    if (crc != BigEndian32(bytes.data() + at + 8 + length)) {
      return Damaged(name, "the checksum of a part is wrong");
    }
    if (first && (type != "IHDR" || length != kPngHeaderBytes)) {
      return Damaged(name, "it does not start with a header");
    }
    if (type == "IDAT" && !data.Add(contents)) {
      return Damaged(name, "its data does not decompress to an image of its size");
    }
    if (type == "IEND") break;
    at += 12 + length;
  }
  if (!data.ended()) return Damaged(name, "it has too little data");
  return {};
}

Status CheckJpeg(std::span<const uint8_t> bytes, const std::string& name) {
  // Marks are ff and a type; all but a few have a segment: 2 bytes of length, which
  // count themselves, and contents. Image data follows a start of scan.
  size_t at = 2;
  for (bool scanned = false;;) {
    if (at >= bytes.size()) return Damaged(name, "it is cut off");
    if (bytes[at] != 0xff) return Damaged(name, "a part is misplaced");
    while (at < bytes.size() && bytes[at] == 0xff) ++at;
    if (at >= bytes.size()) return Damaged(name, "it is cut off");
    const uint8_t type = bytes[at++];
    if (type == kEndOfImage) {
      return scanned ? Status() : Damaged(name, "it has no image data");
    }
    if (bytes.size() - at < 2) return Damaged(name, "it is cut off");
    const size_t length = size_t{bytes[at]} << 8 | bytes[at + 1];
    if (length < 2 || bytes.size() - at < length) return Damaged(name, "it is cut off");
    if (type == kHuffmanTables && !HuffmanTablesFit(bytes.subspan(at + 2, length - 2))) {
      return Damaged(name, "its tables are broken");
    }
    at += length;
    if (type == kStartOfScan) {
      scanned = true;
      at = EndOfScan(bytes, at);
    }
  }
}

}  // namespace signum::data
