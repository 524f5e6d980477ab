#include "signum/model.h"

#include <utility>

#include "format/sgn.h"
#include "runtime/network.h"

namespace signum {
namespace {

Result<std::shared_ptr<const Model::Network>> MakeNetwork(Graph graph) {
  SIGNUM_ASSIGN_OR_RETURN(const std::vector<Shape> shapes, InferShapes(graph));
  const Shape& input = graph.input_shape();
  if (input.rank() != 4) {
    return Unsupported("the network takes an input of shape " + input.ToString() +
                       ", not images (1, channels, height, width)");
  }
  auto network = std::make_shared<Model::Network>();
  network->input = {input[1], input[2], input[3]};
  const std::vector<int64_t>& output = shapes[graph.output()].sizes();
  network->output_shape.assign(output.begin() + 1, output.end());
  network->name = graph.name;
  network->class_names = graph.class_names;
  network->graph = std::move(graph);
  return network;
}

}  // namespace

Result<Model> Model::Load(const std::string& path, int bits) {
  SIGNUM_ASSIGN_OR_RETURN(Graph graph, ReadSgn(path, bits));
  auto network = MakeNetwork(std::move(graph));
  if (!network) return tl::unexpected(network.error().In(path));
  return Model(*std::move(network));
}

Result<Model> Model::Parse(const void* bytes, size_t size, int bits) {
  SIGNUM_ASSIGN_OR_RETURN(Graph graph, ParseSgn({static_cast<const uint8_t*>(bytes), size}, bits));
  SIGNUM_ASSIGN_OR_RETURN(auto network, MakeNetwork(std::move(graph)));
  return Model(std::move(network));
}

const std::string& Model::name() const { return network_->name; }
ImageSize Model::input_size() const { return network_->input; }
const std::vector<int64_t>& Model::output_shape() const { return network_->output_shape; }
const std::vector<std::string>& Model::class_names() const { return network_->class_names; }

int64_t Model::output_size() const {
  int64_t size = 1;
  for (int64_t axis : network_->output_shape) size *= axis;
  return size;
}

}  // namespace signum
