// Writes a network of the zoo with random weights for the comparison with rivals:
//   write_network NETWORK CHANNELSxHEIGHTxWIDTH WEIGHT_BITS VALUE_BITS FILE.sgn
// quantized as `signum quantize --calibrate` does, on images of noise; its first and last
// layers, and what is kept for sums, have 8 bits. WEIGHT_BITS 32 leaves it float.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "calibration/post_training.h"
#include "format/sgn.h"
#include "zoo/zoo.h"

namespace {

using namespace signum;

data::Dataset Noise(const Shape& input) {
  constexpr int kImages = 4;
  data::Dataset dataset;
  dataset.name = "noise";
  dataset.image_shape = {input[1], input[2], input[3]};
  dataset.labels.assign(kImages, 0);
  dataset.class_names = {"noise"};
  std::mt19937 random(1);
  for (int64_t i = 0; i < kImages * input.elements(); ++i) {
    dataset.images.push_back(static_cast<uint8_t>(random() >> 24));
  }
  return dataset;
}

Status Write(const char* const* arguments) {
  zoo::ZooOptions options;
  if (std::sscanf(arguments[1], "%" SCNd64 "x%" SCNd64 "x%" SCNd64, &options.channels,
                  &options.height, &options.width) != 3) {
    return InvalidArgument(std::string("'") + arguments[1] + "' is no size");
  }
  SIGNUM_ASSIGN_OR_RETURN(Graph graph, zoo::BuildZoo(arguments[0], options));
  const int weight_bits = std::atoi(arguments[2]);
  if (weight_bits != kFloatBits) {
    calibration::PostTrainingOptions quantization;
    quantization.policy.weight_bits = weight_bits;
    quantization.policy.activation_bits = std::atoi(arguments[3]);
    quantization.policy.residual_bits = 8;
    const data::Dataset dataset = Noise(graph.input_shape());
    SIGNUM_ASSIGN_OR_RETURN(
        graph, calibration::QuantizeAfterTraining(graph, quantization,
                                                  {.dataset = &dataset, .count = dataset.size()}));
  }
  return WriteSgn(graph, arguments[4]);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: write_network NETWORK CxHxW WEIGHT_BITS VALUE_BITS FILE.sgn\n");
    return 2;
  }
  const Status status = Write(argv + 1);
  if (!status) std::fprintf(stderr, "write_network: %s\n", status.error().message.c_str());
  return status ? 0 : 1;
}
