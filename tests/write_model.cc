// Writes an untrained model file, for tests that need one and no training:
//   write_model NETWORK float|1bit FILE [grey | CHANNELSxHEIGHTxWIDTH]
// 1bit: weights of 1 bit and feature maps of 8, frozen to codes. Classes are
// called class0, class1, ... With `grey` the network takes images of 1x28x28.
#include <cinttypes>
#include <cstdio>
#include <string>
#include <vector>

#include "format/sgn.h"
#include "graph/passes/insert_quantizers.h"
#include "quant/freeze_weights.h"
#include "zoo/zoo.h"

namespace {

signum::Status WriteModel(const std::string& network, bool one_bit, const std::string& path,
                          const std::string& size) {
  signum::zoo::ZooOptions options;
  if (!size.empty() &&
      std::sscanf(size == "grey" ? "1x28x28" : size.c_str(), "%" SCNd64 "x%" SCNd64 "x%" SCNd64,
                  &options.channels, &options.height, &options.width) != 3) {
    return signum::InvalidArgument("'" + size + "' is no size");
  }
  SIGNUM_ASSIGN_OR_RETURN(signum::Graph graph, signum::zoo::BuildZoo(network, options));
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<signum::Shape> shapes, signum::InferShapes(graph));
  for (int64_t i = 0; i < shapes.back()[1]; ++i) {
    graph.class_names.push_back("class" + std::to_string(i));
  }
  graph.metadata["data"] = "none";
  if (one_bit) {
    SIGNUM_ASSIGN_OR_RETURN(graph, signum::InsertQuantizers(graph, {}));
    signum::quant::FreezeWeights(graph);
  }
  return signum::WriteSgn(graph, path);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4 || argc > 5) {
    std::fprintf(stderr, "usage: write_model NETWORK float|1bit FILE [grey|CxHxW]\n");
    return 2;
  }
  const signum::Status status =
      WriteModel(argv[1], argv[2] == std::string("1bit"), argv[3], argc == 5 ? argv[4] : "");
  if (!status) std::fprintf(stderr, "write_model: %s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
