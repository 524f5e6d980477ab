// A picture being drawn as SVG: shapes and text by class name, and the one style
// sheet that colours them in light and dark. Knows no data and no axis.
#ifndef SIGNUM_REPORT_SVG_H_
#define SIGNUM_REPORT_SVG_H_

#include <string>
#include <string_view>
#include <vector>

namespace signum::report {

// Text for HTML, SVG and attribute values: & < > " ' escaped, bytes that are not
// UTF-8 and characters that XML forbids replaced by U+FFFD.
std::string EscapeMarkup(std::string_view text);

// Style rules for the classes that charts use, with prefers-color-scheme. A page
// with inline charts includes it once. Defines the custom properties --surface,
// --text, --muted, --grid, --axis, --heat, --on-heat and --series-0 .. --series-7,
// on `scope` (":root" for a page).
std::string ChartStyle(std::string_view scope = ":root");

// Distinct series colours; more series than this share colours.
inline constexpr int kSeriesColors = 8;

class Svg {
 public:
  // In CSS pixels. `label` is what a screen reader says of the picture.
  Svg(double width, double height, std::string label);

  struct Point {
    double x;
    double y;
  };

  void Line(Point from, Point to, std::string_view css_class);
  // `tooltip`, where not empty, is shown when a reader points at the shape.
  void Rect(Point corner, double width, double height, std::string_view css_class,
            double opacity = 1, std::string_view tooltip = "");
  void Circle(Point center, double radius, std::string_view css_class);
  void Polyline(const std::vector<Point>& points, std::string_view css_class);
  // `anchor` is "start", "middle" or "end"; `text` is escaped here.
  void Text(Point at, std::string_view text, std::string_view css_class,
            std::string_view anchor = "start", std::string_view tooltip = "");
  // The same, turned 90 degrees to read upwards.
  void TextUpwards(Point at, std::string_view text, std::string_view css_class,
                   std::string_view anchor = "middle");

  // An element for an HTML page that includes ChartStyle().
  std::string Inline() const;

 private:
  double width_;
  double height_;
  std::string label_;
  std::string body_;
};

// About how many pixels a line of text at `font_pixels` takes in a sans-serif font.
double TextWidth(std::string_view text, double font_pixels);

}  // namespace signum::report

#endif  // SIGNUM_REPORT_SVG_H_
