// The definition, a byte of a plane at a time.
#include "kernels/code_planes/code_planes.h"

namespace signum::kernels {
namespace {

void Run(const CodePlanesProblem& p) {
  for (int64_t row = 0; row < p.rows; ++row) {
    for (int64_t first = 0; first < p.channels; first += 8) {
      for (int plane = 0; plane < p.bits; ++plane) {
        int byte = 0;
        for (int64_t c = first; c < p.channels && c < first + 8; ++c) {
          const int bit = p.codes[row * p.codes_stride + c] >> (p.bits - 1 - plane) & 1;
          byte |= bit << (c - first);
        }
        p.output[plane * p.plane_stride + row * p.output_stride + first / 8] =
            static_cast<uint8_t>(byte);
      }
    }
  }
}

}  // namespace

void FinishCodePlanes(const CodePlanesProblem& problem, int64_t done) {
  if (done == problem.channels) return;
  CodePlanesProblem rest = problem;
  rest.channels -= done;
  rest.codes += done;
  rest.output += done / 8;
  Run(rest);
}

constexpr CodePlanesKernel kCodePlanesReference = {"code_planes_reference", Isa::kScalar, Run};

}  // namespace signum::kernels
