// Drawing on images: text, filled rectangles, other images. For the pictures that
// Signum makes itself; knows nothing of what they show.
#ifndef SIGNUM_DATA_CANVAS_H_
#define SIGNUM_DATA_CANVAS_H_

#include <array>
#include <cstdint>
#include <string>

#include "data/image.h"

namespace signum::data {

using Colour = std::array<uint8_t, 3>;  // red, green, blue

inline constexpr Colour kBlack = {0, 0, 0};
inline constexpr Colour kWhite = {255, 255, 255};

// The size in pixels of one line of ASCII text, at `scale` times the font's own
// size (about 6 by 8 pixels a character). Other characters count as '?'.
int64_t TextWidth(const std::string& text, int scale);
int64_t TextHeight(int scale);

// Draws on an RGB image, with the top left corner at (x, y); what lies outside of
// the image is left out.
void DrawText(Image* image, int64_t x, int64_t y, const std::string& text, int scale,
              Colour colour);
// The same, turned to be read from the bottom up; (x, y) is still the top left.
void DrawTextUpwards(Image* image, int64_t x, int64_t y, const std::string& text, int scale,
                     Colour colour);
void FillRectangle(Image* image, int64_t x, int64_t y, int64_t width, int64_t height,
                   Colour colour);
// Draws `tile`, gray or RGB, with every pixel as a square of `scale` pixels.
void DrawTile(Image* image, int64_t x, int64_t y, const Image& tile, int scale);

}  // namespace signum::data

#endif  // SIGNUM_DATA_CANVAS_H_
