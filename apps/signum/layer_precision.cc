#include "layer_precision.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <optional>
#include <string_view>

#include "base/file.h"

namespace signum::apps {
namespace {

// The number of bits that `node` stands for, or nothing.
std::optional<int> BitsOf(const toml::node* node) {
  if (node == nullptr) return std::nullopt;
  if (node->value<std::string>() == "float") return kFloatBits;
  const auto bits = node->value_exact<int64_t>();
  if (!bits || *bits < 1 || *bits > 8) return std::nullopt;
  return static_cast<int>(*bits);
}

Result<LayerPrecision> ReadLayer(const toml::table& table) {
  LayerPrecision precision;
  for (const auto& [key, value] : table) {
    if (key == "name" || key == "weights" || key == "activations") continue;
    return InvalidArgument(fmt::format("a layer has a name, weights and activations, and no '{}'",
                                       std::string_view(key)));
  }
  const auto name = table["name"].value<std::string>();
  if (!name) return InvalidArgument("a layer needs a name (or a pattern: \"layer1.*\")");
  precision.pattern = *name;
  const auto weights = BitsOf(table.get("weights"));
  if (!weights) return InvalidArgument("weights are 1 to 8 (bits) or \"float\"");
  precision.weight_bits = *weights;
  if (table.get("activations") == nullptr) return precision;
  const auto activations = BitsOf(table.get("activations"));
  if (!activations) return InvalidArgument("activations are 1 to 8 (bits) or \"float\"");
  precision.activation_bits = *activations;
  if (precision.weight_bits == kFloatBits && precision.activation_bits != kFloatBits) {
    return InvalidArgument("a layer with float weights reads floats; leave its activations out");
  }
  return precision;
}

Result<toml::table> ParseToml(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<uint8_t> bytes, base::ReadFile(path));
  try {
    return toml::parse(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  } catch (const toml::parse_error& error) {
    return Corrupt(
        fmt::format("{}: line {}: {}", path, error.source().begin.line, error.description()));
  }
}

}  // namespace

Result<LayerPrecision> ParseLayerPrecision(const std::string& text) {
  const size_t equals = text.rfind('=');
  const std::string bits = equals == std::string::npos ? "" : text.substr(equals + 1);
  LayerPrecision precision{text.substr(0, equals), kFloatBits, kFloatBits};
  if (!precision.pattern.empty()) {
    if (bits == "float") return precision;
    const auto digit = [&](size_t at) { return bits[at] >= '1' && bits[at] <= '8'; };
    if (bits.size() >= 4 && bits[0] == 'w' && digit(1) && bits[2] == 'a') {
      precision.weight_bits = bits[1] - '0';
      if (bits.substr(3) == "32") return precision;
      precision.activation_bits = bits[3] - '0';
      if (bits.size() == 4 && digit(3)) return precision;
    }
  }
  return InvalidArgument(fmt::format(
      "--layer '{}': takes PATTERN=wNaM, as in 'layer1.*=w8a8', or PATTERN=float", text));
}

std::string LayerPrecisionText(const LayerPrecision& precision) {
  if (precision.weight_bits == kFloatBits) return precision.pattern + "=float";
  return fmt::format("{}=w{}a{}", precision.pattern, precision.weight_bits,
                     precision.activation_bits);
}

std::string PrecisionText(const QuantizationPolicy& policy) {
  return fmt::format("W{}A{}{}", policy.weight_bits, policy.activation_bits,
                     policy.layers.empty() ? "" : ", some layers otherwise");
}

Result<std::vector<LayerPrecision>> ReadLayerFile(const std::string& path) {
  SIGNUM_ASSIGN_OR_RETURN(const toml::table root, ParseToml(path));
  const toml::array* layers = root["layer"].as_array();
  if (layers == nullptr || root.size() != 1) {
    return InvalidArgument(path +
                           ": holds something else than [[layer]] tables; see signum "
                           "quantize --help");
  }
  std::vector<LayerPrecision> precisions;
  for (const toml::node& node : *layers) {
    const toml::table* table = node.as_table();
    const auto precision =
        table != nullptr ? ReadLayer(*table) : InvalidArgument("a layer is a [[layer]] table");
    if (!precision) {
      return tl::unexpected(
          precision.error().In(fmt::format("{}: line {}", path, node.source().begin.line)));
    }
    precisions.push_back(*precision);
  }
  return precisions;
}

}  // namespace signum::apps
