// The scales and zero-points of a network as text: `signum info --quantization`.
#ifndef SIGNUM_APPS_QUANTIZATION_TABLE_H_
#define SIGNUM_APPS_QUANTIZATION_TABLE_H_

#include <nlohmann/json.hpp>
#include <string>

#include "graph/graph.h"

namespace signum::apps {

// A line for every quantized tensor of a verified graph, values and weights, with
// the scale and the zero-point of its codes (Y_scale and Y_zero_point, as ONNX has
// them); a line that says so where there is none.
std::string QuantizationTable(const Graph& graph);

// The same facts; a weight's scale is a list, one per output channel or one.
nlohmann::ordered_json QuantizationJson(const Graph& graph);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_QUANTIZATION_TABLE_H_
