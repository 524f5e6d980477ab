#include "format/sgn_wire.h"

#include <fmt/format.h>

#include <string>

namespace signum::format {
namespace {

// The number of bytes of the UTF-8 sequence that starts `text`, with its code
// point in `point`; 0 where it is not valid (overlong and surrogates included).
size_t DecodeUtf8(std::string_view text, uint32_t& point) {
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) {
    point = first;
    return 1;
  }
  const size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  point = first & (0x7Fu >> size);
  for (size_t i = 1; i < size; ++i) {
    const auto next = static_cast<uint8_t>(text[i]);
    if ((next & 0xC0) != 0x80) return 0;
    point = point << 6 | (next & 0x3Fu);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  return point < kLeast[size] || point > 0x10FFFF || surrogate ? 0 : size;
}

Status CheckName(std::string_view what, std::string_view text) {
  if (text.size() <= kMaxNameBytes && IsText(text, false)) return {};
  return InvalidArgument(fmt::format(
      "{} '{}' is longer than {} bytes, holds control characters or is not UTF-8; rename it", what,
      Printable(text), kMaxNameBytes));
}

Status CheckTexts(const Graph& graph) {
  SIGNUM_RETURN_IF_ERROR(CheckName("the graph's name", graph.name));
  for (const std::string& name : graph.class_names) {
    SIGNUM_RETURN_IF_ERROR(CheckName("the class name", name));
  }
  for (const auto& [key, value] : graph.metadata) {
    SIGNUM_RETURN_IF_ERROR(CheckName("the metadata key", key));
    if (value.size() > kMaxFactBytes || !IsText(value, true)) {
      return InvalidArgument(
          fmt::format("the metadata value of '{}' is longer than {} bytes, holds control "
                      "characters or is not UTF-8",
                      key, kMaxFactBytes));
    }
  }
  for (const Node& node : graph.nodes()) {
    SIGNUM_RETURN_IF_ERROR(CheckName("the node name", node.name));
  }
  return {};
}

// The longest vector of axes in an operator's attributes.
size_t Rank(const Op& op) {
  return std::visit(Overloaded{
                        [](const InputOp& input) { return input.shape.sizes().size(); },
                        [](const ReshapeOp& reshape) { return reshape.shape.size(); },
                        [](const PadOp& pad) { return pad.before.size(); },
                        [](const auto&) { return size_t{0}; },
                    },
                    op);
}

}  // namespace

bool IsText(std::string_view text, bool allow_lines) {
  while (!text.empty()) {
    uint32_t point = 0;
    const size_t size = DecodeUtf8(text, point);
    if (size == 0) return false;
    const bool line = allow_lines && (point == '\n' || point == '\t');
    if ((point < 0x20 && !line) || (point >= 0x7F && point < 0xA0)) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string Printable(std::string_view text) {
  constexpr size_t kLongest = 64;
  std::string printable(text.substr(0, kLongest));
  for (char& c : printable) {
    if (c < 0x20 || c > 0x7E) c = '?';
  }
  return text.size() > kLongest ? printable + "..." : printable;
}

size_t EstimatedBytes(const Graph& graph) {
  size_t bytes = 4096;
  for (const std::string& name : graph.class_names) bytes += name.size() + 16;
  for (const auto& [key, value] : graph.metadata) bytes += key.size() + value.size() + 64;
  for (const Node& node : graph.nodes()) {
    bytes += 512 + node.name.size() + 4 * node.inputs.size();
    if (const auto* op = std::get_if<NormalizeOp>(&node.op)) bytes += 8 * op->mean.size();
    for (const auto& [role, tensor] : node.parameters) {
      const bool codes = tensor.type() == DataType::kInt8;
      bytes += 256 + static_cast<size_t>(tensor.elements()) * (codes ? 1 : sizeof(float));
    }
  }
  return bytes;
}

Status CheckLimits(const Graph& graph) {
  if (static_cast<size_t>(graph.size()) > kMaxNodes || graph.metadata.size() > kMaxFacts) {
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("{} nodes and {} metadata entries; a .sgn file holds at most {} and {}",
                            graph.size(), graph.metadata.size(), kMaxNodes, kMaxFacts));
  }
  for (const Node& node : graph.nodes()) {
    if (Rank(node.op) <= kMaxRank) continue;
    return Fail(ErrorCode::kResourceExhausted,
                fmt::format("node '{}' ({}): {} axes; a .sgn file holds at most {}", node.name,
                            OpName(node.op), Rank(node.op), kMaxRank));
  }
  if (EstimatedBytes(graph) > kMaxFileBytes) {
    return Fail(ErrorCode::kResourceExhausted,
                "the weights take more than a .sgn file's 2 GiB; quantize them first");
  }
  return CheckTexts(graph);
}

uint64_t Checksum(std::span<const uint8_t> bytes, size_t skip) {
  uint64_t hash = bytes.size();
  const auto take = [&](uint64_t word) {
    hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  };
  const auto word = [&](size_t at, size_t size) {
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value |= uint64_t{bytes[at + i]} << (8 * i);
    return value;
  };
  size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) take(at == skip ? 0 : word(at, 8));
  if (at < bytes.size()) take(word(at, bytes.size() - at));
  return hash;
}

}  // namespace signum::format
