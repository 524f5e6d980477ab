// The MODEL argument that many verbs share: a .sgn file or the name of a zoo
// network, and the flags that shape the latter.
#ifndef SIGNUM_APPS_MODEL_ARGUMENT_H_
#define SIGNUM_APPS_MODEL_ARGUMENT_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "graph/graph.h"
#include "signum/result.h"
#include "zoo/zoo.h"

namespace signum::apps {

// The path of a model that comes with Signum (models/) where `argument` is its name and no file
// has that name; else `argument`.
std::string ModelPath(const std::string& argument);

// Declares MODEL, of which verbs see the ModelPath.
CLI::Option* AddModelArgument(CLI::App& command, std::string& model, const std::string& help);

// Whether LoadGraph takes `argument` for a file: a path that is there, or
// anything that ends in ".sgn". A folder is never a model.
bool IsModelFile(const std::string& argument);

// Declares --bits, which chooses among the precisions of a file.
void AddBitsFlag(CLI::App& command, int& bits);

// Whether `argument` is a file; if not, an error says what to do with the zoo network that it
// names (kInvalidArgument), or what name may have been meant (kNotFound).
Status CheckTrained(const std::string& argument);

// Whether the network is one to run. The float weights behind a quantized one (weights/latent.sgn
// of a run) are only there to be quantized again.
Status CheckNotLatent(const Graph& graph);

// The graph in the .sgn file, or else the zoo network of that name, built with
// `options`; options do nothing to a file. What is neither is an error that
// suggests the nearest name and says what is accepted. bits: of a file with several
// precisions (ReadSgn).
Result<Graph> LoadGraph(const std::string& file_or_zoo_name, const zoo::ZooOptions& options = {},
                        int bits = 0);

// --input, --classes and --variant, as typed.
struct ZooFlags {
  std::string input;  // "3x32x32": channels, height, width
  int64_t classes = 0;
  std::string variant;
};

// Declares the three flags; `flags` must outlive the parsing.
void AddZooFlags(CLI::App& command, ZooFlags& flags);

// What the flags ask for. An input that does not read as CxHxW is an error.
Result<zoo::ZooOptions> ToZooOptions(const ZooFlags& flags);

// LoadGraph with flags; any of them beside a file is an error. Without `weights` a
// zoo network's are left out (see ZooOptions): drawing those of a large one takes
// a second.
Result<Graph> LoadGraph(const std::string& file_or_zoo_name, const ZooFlags& flags,
                        bool weights = true, int bits = 0);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_MODEL_ARGUMENT_H_
