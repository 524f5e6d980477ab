// The pieces of the report's HTML page: sections, tables, pictures, and its style
// sheet. Knows markup; knows nothing of training.
#ifndef SIGNUM_REPORT_HTML_H_
#define SIGNUM_REPORT_HTML_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace signum::report {

// RFC 4648 base64 with padding.
std::string Base64(std::span<const uint8_t> bytes);

// A whole page around `body`, which is markup; `title` is text. Carries the style
// of the page and of charts, and forbids scripts and network by its own policy.
std::string HtmlPage(std::string_view title, const std::string& body);

// A section with a heading (text) around markup.
std::string HtmlSection(std::string_view heading, const std::string& body);

}  // namespace signum::report

#endif  // SIGNUM_REPORT_HTML_H_
