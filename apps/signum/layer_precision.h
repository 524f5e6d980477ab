// Precisions of single layers as users write them: "layer1.*=w8a8" on the command
// line, [[layer]] tables in a TOML file.
#ifndef SIGNUM_APPS_LAYER_PRECISION_H_
#define SIGNUM_APPS_LAYER_PRECISION_H_

#include <string>
#include <vector>

#include "graph/passes/insert_quantizers.h"
#include "signum/result.h"

namespace signum::apps {

// "PATTERN=wNaM", N and M from 1 to 8, M also 32 for float values; or
// "PATTERN=float". An error says so.
Result<LayerPrecision> ParseLayerPrecision(const std::string& text);
std::string LayerPrecisionText(const LayerPrecision& precision);

// "W8A8", or "W8A8, some layers otherwise": what a model's metadata says.
std::string PrecisionText(const QuantizationPolicy& policy);

// The tables of a file, in order:
//   [[layer]]
//   name = "layer1.*"
//   weights = 8          # 1 to 8, or "float": the layer stays float
//   activations = 8      # 1 to 8, or "float"; 8 if left out
// An error names the file and the line.
Result<std::vector<LayerPrecision>> ReadLayerFile(const std::string& path);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_LAYER_PRECISION_H_
