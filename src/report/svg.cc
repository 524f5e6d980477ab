#include "report/svg.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <utility>

#include "report/text.h"

namespace signum::report {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

// Okabe and Ito's colours; light ones are darkened on white and the others
// lightened on black, so that a line keeps a contrast of 3 : 1 with the surface.
constexpr const char* kLightSeries[kSeriesColors] = {"#0072b2", "#d55e00", "#009e73", "#b8578f",
                                                     "#a97800", "#3a96cf", "#6b6b6b", "#7a6f00"};
constexpr const char* kDarkSeries[kSeriesColors] = {"#4ba3dd", "#f08040", "#2bc198", "#e29bc4",
                                                    "#f0b030", "#8fd0f5", "#a8a8a8", "#e6d94a"};

constexpr std::string_view kLightColors =
    "--surface:#ffffff;--text:#1b1f24;--muted:#5c6570;--grid:#e4e8ec;--axis:#aab2bb;"
    "--heat:#0072b2;--on-heat:#ffffff;";
constexpr std::string_view kDarkColors =
    "--surface:#1a1e23;--text:#e8ebee;--muted:#9aa4af;--grid:#2c323a;--axis:#555e69;"
    "--heat:#56b4e9;--on-heat:#10151a;";

constexpr std::string_view kChartRules = R"(
.signum-chart{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;
  font-variant-numeric:tabular-nums}
.signum-chart text{fill:var(--muted);font-size:11px}
.signum-chart .title{fill:var(--text);font-size:13px;font-weight:600}
.signum-chart .name{fill:var(--text);font-size:12px}
.signum-chart .grid{stroke:var(--grid);stroke-width:1}
.signum-chart .axis{stroke:var(--axis);stroke-width:1}
.signum-chart .zero{stroke:var(--axis);stroke-width:1;stroke-dasharray:2 3}
.signum-chart polyline{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.signum-chart .heat{fill:var(--heat)}
.signum-chart .empty{fill:none;stroke:var(--grid)}
.signum-chart .cell{fill:var(--text)}
.signum-chart .cell-on{fill:var(--on-heat)}
)";

// The length of the well-formed UTF-8 sequence of an XML character at text[i]; 0
// where there is none. Overlong forms, surrogates and U+FFFE, U+FFFF are refused.
size_t XmlCharacterAt(std::string_view text, size_t i) {
  const auto byte = [&](size_t k) -> uint32_t {
    return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0;
  };
  const auto continues = [&](size_t k) { return (byte(k) & 0xc0) == 0x80; };
  const uint32_t first = byte(0);
  if (first < 0x80) {
    const bool allowed = first >= 0x20 || first == '\t' || first == '\n' || first == '\r';
    return allowed ? 1 : 0;
  }
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!continues(1) || !continues(2)) return 0;
    const uint32_t code = (first & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= 0x800 && !surrogate && code < 0xfffe ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!continues(1) || !continues(2) || !continues(3)) return 0;
    const uint32_t code = (first & 0x07) << 18 | (byte(1) & 0x3f) << 12;
    return code >= 0x10000 && code <= 0x10ffff ? 4 : 0;
  }
  return 0;
}

// A tenth of a pixel is as fine as it needs to be.
std::string Pixels(double value) {
  const double rounded = std::round(value * 10) / 10;
  return rounded == 0 ? "0" : fmt::format("{}", rounded);
}

std::string TooltipElement(std::string_view tooltip) {
  return tooltip.empty() ? "" : fmt::format("<title>{}</title>", EscapeMarkup(tooltip));
}

std::string SeriesColors(const char* const (&colors)[kSeriesColors]) {
  std::string css;
  for (int i = 0; i < kSeriesColors; ++i) css += fmt::format("--series-{}:{};", i, colors[i]);
  return css;
}

}  // namespace

std::string EscapeMarkup(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const size_t length = XmlCharacterAt(text, i);
    if (length == 0) {
      escaped += kReplacement;
      ++i;
      continue;
    }
    switch (text[i]) {
      case '&': escaped += "&amp;"; break;
      case '<': escaped += "&lt;"; break;
      case '>': escaped += "&gt;"; break;
      case '"': escaped += "&quot;"; break;
      case '\'': escaped += "&#39;"; break;
      default: escaped += text.substr(i, length);
    }
    i += length;
  }
  return escaped;
}

std::string ChartStyle(std::string_view scope) {
  std::string css = fmt::format("{}{{color-scheme:light dark;{}{}}}\n", scope, kLightColors,
                                SeriesColors(kLightSeries));
  css += fmt::format("@media (prefers-color-scheme:dark){{{}{{{}{}}}}}", scope, kDarkColors,
                     SeriesColors(kDarkSeries));
  css += kChartRules;
  for (int i = 0; i < kSeriesColors; ++i) {
    css += fmt::format(
        ".signum-chart .line-{0}{{stroke:var(--series-{0})}}"
        ".signum-chart .fill-{0}{{fill:var(--series-{0})}}\n",
        i);
  }
  return css;
}

Svg::Svg(double width, double height, std::string label)
    : width_(width), height_(height), label_(std::move(label)) {}

void Svg::Line(Point from, Point to, std::string_view css_class) {
  body_ += fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{}\"/>",
                       Pixels(from.x), Pixels(from.y), Pixels(to.x), Pixels(to.y), css_class);
}

void Svg::Rect(Point corner, double width, double height, std::string_view css_class,
               double opacity, std::string_view tooltip) {
  body_ +=
      fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"{}\"",
                  Pixels(corner.x), Pixels(corner.y), Pixels(width), Pixels(height), css_class);
  if (opacity < 1) body_ += fmt::format(" fill-opacity=\"{}\"", HumanNumber(opacity, 3));
  body_ += tooltip.empty() ? "/>" : fmt::format(">{}</rect>", TooltipElement(tooltip));
}

void Svg::Circle(Point center, double radius, std::string_view css_class) {
  body_ += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" class=\"{}\"/>", Pixels(center.x),
                       Pixels(center.y), Pixels(radius), css_class);
}

void Svg::Polyline(const std::vector<Point>& points, std::string_view css_class) {
  body_ += fmt::format("<polyline class=\"{}\" points=\"", css_class);
  for (size_t i = 0; i < points.size(); ++i) {
    if (i > 0) body_ += ' ';
    body_ += Pixels(points[i].x) + "," + Pixels(points[i].y);
  }
  body_ += "\"/>";
}

void Svg::Text(Point at, std::string_view text, std::string_view css_class, std::string_view anchor,
               std::string_view tooltip) {
  body_ += fmt::format("<text x=\"{}\" y=\"{}\" class=\"{}\" text-anchor=\"{}\">{}{}</text>",
                       Pixels(at.x), Pixels(at.y), css_class, anchor, EscapeMarkup(text),
                       TooltipElement(tooltip));
}

void Svg::TextUpwards(Point at, std::string_view text, std::string_view css_class,
                      std::string_view anchor) {
  body_ += fmt::format(
      "<text transform=\"translate({} {}) rotate(-90)\" class=\"{}\" text-anchor=\"{}\">{}</text>",
      Pixels(at.x), Pixels(at.y), css_class, anchor, EscapeMarkup(text));
}

std::string Svg::Inline() const {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"signum-chart\" viewBox=\"0 0 {0} {1}\" "
      "width=\"{0}\" height=\"{1}\" role=\"img\" aria-label=\"{2}\">{3}</svg>\n",
      Pixels(width_), Pixels(height_), EscapeMarkup(label_), body_);
}

double TextWidth(std::string_view text, double font_pixels) {
  return 0.58 * font_pixels * DisplayWidth(text);
}

}  // namespace signum::report
