// Fuzz target: the reader of .sgn files. Mutated bytes are sealed anew, so that what
// changed reaches the checks behind the checksum.
#include "base/check.h"
#include "format/mutation_fuzz.h"
#include "format/properties_fuzz.h"
#include "format/sgn.h"
#include "format/test_allocations.h"
#include "format/test_seal.h"

using signum::Graph;
using signum::Result;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  signum::format::ResetPeak();
  const Result<Graph> graph = signum::ParseSgn({data, size});
  // As in sgn_damage_test.cc.
  SIGNUM_CHECK(signum::format::PeakBytes() <= 32 * size + (size_t{1} << 20));
  if (graph) {
    signum::format::CheckReadGraph(*graph);
  } else {
    signum::format::CheckMessage(graph.error());
  }
  // Another precision, which most inputs do not have.
  signum::format::ResetPeak();
  const Result<Graph> other = signum::ParseSgn({data, size}, 2);
  SIGNUM_CHECK(signum::format::PeakBytes() <= 32 * size + (size_t{1} << 20));
  if (other) {
    signum::format::CheckReadGraph(*other);
  } else {
    signum::format::CheckMessage(other.error());
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  const size_t mutated = LLVMFuzzerMutate(data, size, max_size);
  if (seed % 16 != 0) signum::format::Reseal({data, mutated});
  return mutated;
}
