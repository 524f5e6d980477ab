#include "report/html.h"

#include <fmt/format.h>

#include "report/svg.h"

namespace signum::report {
namespace {

constexpr std::string_view kPageRules = R"(
:root{--page:#f5f6f8;--border:#e1e5ea;--wrong:#c2410c;--right:#00795a}
@media (prefers-color-scheme:dark){
:root{--page:#111418;--border:#2a3037;--wrong:#f59e6c;--right:#3ecfa4}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);line-height:1.5;
  font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:15px}
main{max-width:1180px;margin:0 auto;padding:32px 20px 48px}
h1{font-size:26px;line-height:1.25;margin:0 0 20px;letter-spacing:-.01em;overflow-wrap:anywhere}
h2{font-size:17px;margin:36px 0 12px}
p.note{color:var(--muted);font-size:13px;margin:-6px 0 12px}
.card{background:var(--surface);border:1px solid var(--border);border-radius:10px;padding:16px}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:16px}
.small{display:grid;grid-template-columns:repeat(auto-fill,minmax(250px,1fr));gap:16px}
.wide{overflow-x:auto}
svg{display:block}
.card>svg{max-width:100%;height:auto}
.small .card>svg{width:100%}
.wide>svg{max-width:none}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:16px;
  margin-bottom:16px}
.tile .name{color:var(--muted);font-size:13px}
.tile .value{font-size:27px;font-weight:650;line-height:1.3;letter-spacing:-.01em;
  font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,330px),1fr));
  gap:0 32px;margin:0}
dl>div{display:flex;justify-content:space-between;gap:16px;padding:6px 0;
  border-bottom:1px solid var(--border)}
dt{color:var(--muted);flex:none;max-width:60%}
dd{margin:0;text-align:right;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
.samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(112px,1fr));gap:12px}
figure{margin:0;background:var(--surface);border:1px solid var(--border);border-radius:10px;
  padding:10px;text-align:center;font-size:13px;line-height:1.35;overflow-wrap:anywhere}
figure img{display:block;width:100%;aspect-ratio:1;object-fit:contain;image-rendering:pixelated;
  border-radius:5px;margin-bottom:8px}
figure.wrong{border:2px solid var(--wrong);padding:9px}
figure b{color:var(--right)}
figure.wrong b{color:var(--wrong)}
figure span{display:block;color:var(--muted)}
table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:5px 18px 5px 0;text-align:right;border-bottom:1px solid var(--border);
  white-space:nowrap}
th{color:var(--muted);font-weight:500}
.names :is(th,td):nth-child(-n+2),:is(th,td).left{text-align:left}
dl>.long{grid-column:1/-1}
p.gap{margin:0 0 16px}
details{margin-top:16px}
summary{cursor:pointer;color:var(--muted);font-size:14px}
details .card{margin-top:10px}
)";

}  // namespace

std::string Base64(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = bytes.size() - i;
    uint32_t group = uint32_t{bytes[i]} << 16;
    if (count > 1) group |= uint32_t{bytes[i + 1]} << 8;
    if (count > 2) group |= bytes[i + 2];
    text += kDigits[group >> 18];
    text += kDigits[group >> 12 & 63];
    text += count > 1 ? kDigits[group >> 6 & 63] : '=';
    text += count > 2 ? kDigits[group & 63] : '=';
  }
  return text;
}

std::string HtmlPage(std::string_view title, const std::string& body) {
  // The policy makes the page's promise, no script and no network, the browser's to keep.
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "img-src data:; style-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{0}</title>\n<style>\n{1}{2}</style>\n</head>\n<body>\n<main>\n"
      "<h1>{0}</h1>\n{3}</main>\n</body>\n</html>\n",
      EscapeMarkup(title), ChartStyle(), kPageRules, body);
}

std::string HtmlSection(std::string_view heading, const std::string& body) {
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", EscapeMarkup(heading), body);
}

}  // namespace signum::report
