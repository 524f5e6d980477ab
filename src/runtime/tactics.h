// Tactics: the ways in which the product of a quantized layer can be computed, and what a
// simple model of a core thinks each takes. The compiler takes the first, or what a timing
// cache found to be faster (runtime/tune.h). Private to the runtime.
#ifndef SIGNUM_RUNTIME_TACTICS_H_
#define SIGNUM_RUNTIME_TACTICS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "kernels/integer_gemm.h"
#include "runtime/patches.h"
#include "runtime/value.h"

namespace signum::runtime {

// The most rows (output pixels) and columns (output channels) whose sums are made at a time.
// Columns are a multiple of kernels::kColumnMultiple.
struct TileSize {
  int64_t rows = 0, columns = 0;
  bool operator==(const TileSize&) const = default;
};

struct Tactic {
  const kernels::IntegerGemmKernel* kernel = nullptr;
  bool makes_planes = false;  // the input's codes become planes of bits first
  // Groups of a convolution that are multiplied as one, with zeros between them: where they
  // have few channels, that is less work than kernels do in vain otherwise.
  int64_t groups_together = 1;
  TileSize tile;
  double seconds = 0;  // the estimate, for one thread and one image
};

// A tactic as a timing cache names it.
struct TacticName {
  std::string kernel;
  int64_t groups_together = 1;
  TileSize tile;
  bool operator==(const TacticName&) const = default;
};
TacticName NameOf(const Tactic& tactic);

// By the name of the layer.
using TacticNames = std::map<std::string, TacticName>;

// The geometry as a kernel sees it that takes so many groups for one.
ConvolutionGeometry WithGroupsTogether(ConvolutionGeometry geometry, int64_t groups_together);

// Every tactic for codes or bits times weights of so many bits, that which is expected to be
// fastest first; at least one. `pad` is the code of padding. Adds to `refused` each kernel
// that was not considered and why.
std::vector<Tactic> FindTactics(const ConvolutionGeometry& geometry, const Value& input,
                                int weight_bits, int pad, Isa isa,
                                std::vector<kernels::Refusal>& refused);

}  // namespace signum::runtime

#endif  // SIGNUM_RUNTIME_TACTICS_H_
