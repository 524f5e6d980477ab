#include "data/canvas.h"

#include <stb/stb_easy_font.h>

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace signum::data {
namespace {

// A filled rectangle of the font, in its own pixels.
struct Stroke {
  int64_t x, y, width, height;
};

// stb_easy_font makes each character of at most 13 rectangles, and each of four
// corners of 16 bytes: x, y and z as floats, and a colour.
std::vector<Stroke> Strokes(std::string text) {
  struct Corner {
    float x, y, z;
    uint8_t colour[4];
  };
  for (char& c : text) c = c >= ' ' && c < 127 ? c : '?';
  std::vector<Corner> corners((text.size() + 1) * 20 * 4);
  const int quads = stb_easy_font_print(0, 0, text.data(), nullptr, corners.data(),
                                        static_cast<int>(corners.size() * sizeof(Corner)));
  std::vector<Stroke> strokes;
  for (size_t i = 0; i < static_cast<size_t>(quads); ++i) {
    const Corner& from = corners[4 * i];
    const Corner& to = corners[4 * i + 2];
    strokes.push_back({static_cast<int64_t>(from.x), static_cast<int64_t>(from.y),
                       static_cast<int64_t>(to.x - from.x), static_cast<int64_t>(to.y - from.y)});
  }
  return strokes;
}

int64_t FontWidth(const std::string& text) {
  int64_t width = 0;
  for (const Stroke& stroke : Strokes(text)) width = std::max(width, stroke.x + stroke.width);
  return width;
}

constexpr int64_t kFontHeight = 9;  // of letters, with what hangs below the line

}  // namespace

int64_t TextWidth(const std::string& text, int scale) { return FontWidth(text) * scale; }

int64_t TextHeight(int scale) { return kFontHeight * scale; }

void DrawText(Image* image, int64_t x, int64_t y, const std::string& text, int scale,
              Colour colour) {
  for (const Stroke& stroke : Strokes(text)) {
    FillRectangle(image, x + stroke.x * scale, y + stroke.y * scale, stroke.width * scale,
                  stroke.height * scale, colour);
  }
}

void DrawTextUpwards(Image* image, int64_t x, int64_t y, const std::string& text, int scale,
                     Colour colour) {
  const int64_t length = FontWidth(text);
  for (const Stroke& stroke : Strokes(text)) {
    FillRectangle(image, x + stroke.y * scale, y + (length - stroke.x - stroke.width) * scale,
                  stroke.height * scale, stroke.width * scale, colour);
  }
}

void FillRectangle(Image* image, int64_t x, int64_t y, int64_t width, int64_t height,
                   Colour colour) {
  SIGNUM_CHECK(image->channels() == 3);
  const int64_t left = std::clamp<int64_t>(x, 0, image->width());
  const int64_t right = std::clamp<int64_t>(x + width, left, image->width());
  const int64_t top = std::clamp<int64_t>(y, 0, image->height());
  const int64_t bottom = std::clamp<int64_t>(y + height, top, image->height());
  const int64_t area = image->height() * image->width();
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t row = top; row < bottom; ++row) {
      uint8_t* begin = image->pixels.data() + c * area + row * image->width();
      std::fill(begin + left, begin + right, colour[static_cast<size_t>(c)]);
    }
  }
}

void DrawTile(Image* image, int64_t x, int64_t y, const Image& tile, int scale) {
  const Image rgb = ConvertChannels(tile, 3);
  const int64_t area = rgb.height() * rgb.width();
  for (int64_t i = 0; i < area; ++i) {
    const uint8_t* pixel = rgb.pixels.data() + i;
    FillRectangle(image, x + i % rgb.width() * scale, y + i / rgb.width() * scale, scale, scale,
                  {pixel[0], pixel[area], pixel[2 * area]});
  }
}

}  // namespace signum::data
