#include "onnx/refusals.h"

#include <fmt/format.h>

#include <algorithm>

namespace signum::onnx {
namespace {

constexpr size_t kMostReasons = 20;
// Names are worth more than reasons, which repeat; together far below kMostText.
constexpr size_t kLongestName = 200, kLongestReason = 400;
constexpr size_t kMostText = 60000;

std::string Shortened(const std::string& text, size_t longest) {
  return text.size() <= longest ? text : text.substr(0, longest) + "...";
}

}  // namespace

void Refusals::Add(const std::string& node, const std::string& op, const std::string& reason) {
  lines_.push_back(
      {fmt::format("'{}' ({})", Shortened(node, kLongestName), Shortened(op, kLongestName)),
       Shortened(reason, kLongestReason)});
}

std::string Refusals::Text() const {
  std::string text;
  if (lines_.size() > 1) text = fmt::format("{} nodes cannot be imported: ", lines_.size());
  const size_t told = std::min(lines_.size(), kMostReasons);
  for (size_t i = 0; i < told; ++i) {
    text += fmt::format("{}node {}: {}", i == 0 ? "" : "; ", lines_[i].node, lines_[i].reason);
  }
  if (told < lines_.size()) text += fmt::format("; and {} more: ", lines_.size() - told);
  for (size_t i = told; i < lines_.size(); ++i) {
    if (text.size() + lines_[i].node.size() > kMostText) {
      text += fmt::format(" and {} others", lines_.size() - i);
      break;
    }
    text += (i == told ? "" : ", ") + lines_[i].node;
  }
  if (behind_ > 0) {
    text += fmt::format(
        "; {} behind {} not looked at", behind_ == 1 ? "1 node" : fmt::format("{} nodes", behind_),
        fmt::format("{} {}", lines_.size() == 1 ? "it" : "these", behind_ == 1 ? "was" : "were"));
  }
  return text;
}

}  // namespace signum::onnx
