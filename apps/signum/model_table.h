// A network as text for people and programs: the table of `signum info`, its
// JSON, and a Graphviz drawing. Knows no file and no command line.
#ifndef SIGNUM_APPS_MODEL_TABLE_H_
#define SIGNUM_APPS_MODEL_TABLE_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "graph/graph.h"

namespace signum::apps {

// A verified graph and where it came from.
struct ModelFacts {
  const Graph& graph;
  std::string source;                 // the path or zoo name, as typed
  std::optional<int64_t> file_bytes;  // where it is a file
};

// A line for every node, and the sums under it.
std::string ModelTable(const ModelFacts& facts);

// The same facts, sizes as numbers.
nlohmann::ordered_json ModelJson(const ModelFacts& facts);

// The graph in Graphviz's language: `dot -Tsvg` draws it.
std::string ModelDot(const Graph& graph);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_MODEL_TABLE_H_
