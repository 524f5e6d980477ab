#include "zoo/initialize.h"

#include <cmath>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/hash.h"

namespace signum::zoo {
namespace {

// The output function of splitmix64 (Steele, Lea and Flood, 2014).
uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

// The C library's log and cos differ between machines in the last bit, so these
// two use only operations that IEEE 754 rounds in one way. Errors are a few
// units in the last place.

// ln x for x > 0: x = m 2^e, ln m = 2 artanh((m - 1) / (m + 1)).
double PortableLog(double x) {
  int exponent = 0;
  double mantissa = std::frexp(x, &exponent);
  if (mantissa < 0.70710678118654752) {
    mantissa *= 2;
    --exponent;
  }
  const double s = (mantissa - 1) / (mantissa + 1);
  const double square = s * s;
  double sum = 0;
  for (int k = 21; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
  return exponent * 0.69314718055994531 + 2 * s * sum;
}

// cos(2 pi turns) for turns in [0, 1).
double PortableCosine(double turns) {
  double quarter = turns > 0.5 ? 1 - turns : turns;
  const bool negative = quarter > 0.25;
  if (negative) quarter = 0.5 - quarter;
  const double angle = quarter * 6.2831853071795865;
  const double square = angle * angle;
  double sum = 1;
  for (int k = 22; k >= 2; k -= 2) sum = 1 - sum * square / (k * (k - 1));
  return negative ? -sum : sum;
}

double FanIn(const Shape& weight) { return static_cast<double>(weight.elements() / weight[0]); }

double FanOut(const Shape& weight) { return static_cast<double>(weight.elements() / weight[1]); }

}  // namespace

RandomStream::RandomStream(uint64_t seed, std::string_view tensor_name)
    : key_(Mix(seed + 0x9e3779b97f4a7c15) ^ Mix(base::Fnv1a(tensor_name))) {}

uint64_t RandomStream::Bits(uint64_t index) const {
  return Mix(key_ + (index + 1) * 0x9e3779b97f4a7c15);
}

double RandomStream::Uniform(uint64_t index) const {
  return static_cast<double>(Bits(index) >> 11) * 0x1p-53;
}

double RandomStream::Normal(uint64_t index) const {
  const double radius_draw = 1 - Uniform(2 * index);  // in (0, 1], so that its log is finite
  return std::sqrt(-2 * PortableLog(radius_draw)) * PortableCosine(Uniform(2 * index + 1));
}

Tensor UniformTensor(const RandomStream& stream, Shape shape, double bound) {
  std::vector<float> values(shape.elements());
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>((2 * stream.Uniform(i) - 1) * bound);
  }
  return Tensor(std::move(shape), std::move(values));
}

Tensor NormalTensor(const RandomStream& stream, Shape shape, double deviation) {
  std::vector<float> values(shape.elements());
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(stream.Normal(i) * deviation);
  }
  return Tensor(std::move(shape), std::move(values));
}

Tensor InitialWeight(uint64_t seed, const std::string& layer, const Shape& weight,
                     Initialization initialization) {
  const RandomStream stream(seed, layer + ".weight");
  switch (initialization) {
    case Initialization::kPyTorch:
      return UniformTensor(stream, weight, 1 / std::sqrt(FanIn(weight)));
    case Initialization::kHe: return NormalTensor(stream, weight, std::sqrt(2 / FanOut(weight)));
    case Initialization::kNarrow: return NormalTensor(stream, weight, 0.01);
    case Initialization::kFanOut:
      return UniformTensor(stream, weight, 1 / std::sqrt(FanOut(weight)));
  }
  SIGNUM_CHECK(false);
}

Tensor InitialBias(uint64_t seed, const std::string& layer, const Shape& weight,
                   Initialization initialization) {
  const Shape bias{weight[0]};
  if (initialization != Initialization::kPyTorch) return Tensor::Filled(bias, 0);
  return UniformTensor(RandomStream(seed, layer + ".bias"), bias, 1 / std::sqrt(FanIn(weight)));
}

}  // namespace signum::zoo
