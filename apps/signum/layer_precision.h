// Precisions and settings of single layers as users write them: "layer1.*=w8a8" on the command
// line, [[layer]] tables in a TOML file.
#ifndef SIGNUM_APPS_LAYER_PRECISION_H_
#define SIGNUM_APPS_LAYER_PRECISION_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "graph/passes/insert_quantizers.h"
#include "signum/result.h"
#include "train/config.h"

namespace signum::apps {

// "wNaM" or "N" for both alike, N and M from 1 to 8, or 32 for float, but w32aM; or "float".
// An error begins with `option`.
Result<LayerBits> ParseLayerBits(const std::string& text, const std::string& option);
std::string LayerBitsText(const LayerBits& bits);

// "PATTERN=wNaM" or "PATTERN=float".
Result<LayerPrecision> ParseLayerPrecision(const std::string& text);
std::string LayerPrecisionText(const LayerPrecision& precision);

// "PATTERN=channel" or "PATTERN=layer".
Result<LayerScales> ParseLayerScales(const std::string& text);
std::string LayerScalesText(const LayerScales& scales);

// By pattern, for results as JSON.
nlohmann::ordered_json ToJson(const std::vector<LayerPrecision>& layers);

// What a user wants of the layers whose names fit a pattern.
struct LayerChoice {
  std::optional<LayerPrecision> precision;
  std::optional<LayerScales> scales;
  std::vector<train::LayerSetting> settings;  // of training
};

// "PATTERN=ITEM[,ITEM...]", each a precision as above, per-channel=BOOL or NAME=VALUE, a setting of
// training: "layer1.*=w1a1,binary-method=recu". An error says so.
Result<LayerChoice> ParseLayerChoice(const std::string& text);

// Adds it to what there is.
void AddLayerChoice(const LayerChoice& choice, QuantizationPolicy& policy,
                    train::QuantizationConfig& config);

// "W1A8; first and last layer W8A8; downsampling W1A8; conv1 float": what a model's metadata says.
// Of many exceptions the range alone: "20 exceptions W1A8 to W6A8". Scales are told where they are
// not of channels: "; fc a weight scale per layer".
std::string PrecisionText(const QuantizationPolicy& policy);

// What a model's metadata says; of a file of several precisions, what it is at `bits` (0: none was
// chosen).
std::string PrecisionAt(const Graph& graph, int bits);

// The tables of a file, in order:
//   [[layer]]
//   name = "layer1.*"
//   weights = 8             # 1 to 8, or "float": the layer stays float
//   activations = 8         # 1 to 8, or "float"; 8 if left out
//   per-channel = false     # one weight scale for the layer
//   weight-method = "lsq"   # or any other setting that layers may have
// An error names the file and the line.
Result<std::vector<LayerChoice>> ReadLayerFile(const std::string& path);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_LAYER_PRECISION_H_
