// Initial weights: random tensors that are the same on every machine. The
// generator is counter-based: an element's value depends on the seed, the
// tensor's name and the element's index, and on nothing that was drawn before,
// so adding a layer leaves the weights of the others as they were.
#ifndef SIGNUM_ZOO_INITIALIZE_H_
#define SIGNUM_ZOO_INITIALIZE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "graph/tensor.h"

namespace signum::zoo {

// How a convolution or linear layer starts. With fan in = the weights of one
// output, fan out = outputs times kernel area. Biases start at zero but with
// kPyTorch.
enum class Initialization {
  // Uniform within 1 / sqrt(fan in), biases too: PyTorch's default.
  kPyTorch,
  // Normal with deviation sqrt(2 / fan out): He et al., "Delving Deep into
  // Rectifiers", 2015.
  kHe,
  // Normal with deviation 0.01: the linear layers of AlexNet's and VGG's heirs.
  kNarrow,
  // Uniform within 1 / sqrt(fan out): EfficientNet's linear layer.
  kFanOut,
};

class RandomStream {
 public:
  RandomStream(uint64_t seed, std::string_view tensor_name);

  // Draw number `index`: uniform in [0, 1), a multiple of 2^-53.
  double Uniform(uint64_t index) const;
  // Draw number `index`: standard normal, by Box and Muller (1958).
  double Normal(uint64_t index) const;

 private:
  uint64_t Bits(uint64_t index) const;
  uint64_t key_;
};

// Elements uniform in [-bound, bound).
Tensor UniformTensor(const RandomStream& stream, Shape shape, double bound);
// Elements normal, with mean 0.
Tensor NormalTensor(const RandomStream& stream, Shape shape, double deviation);

// The first values of parameters "weight", shape {out, ...}, and "bias", {out}, of
// the layer called `layer`.
Tensor InitialWeight(uint64_t seed, const std::string& layer, const Shape& weight,
                     Initialization initialization);
Tensor InitialBias(uint64_t seed, const std::string& layer, const Shape& weight,
                   Initialization initialization);

}  // namespace signum::zoo

#endif  // SIGNUM_ZOO_INITIALIZE_H_
