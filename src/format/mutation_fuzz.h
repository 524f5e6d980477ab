// What the mutators of this room's fuzz targets share: libFuzzer's own mutations,
// applied to a part of a file that its format then seals or counts anew.
#ifndef SIGNUM_FORMAT_MUTATION_FUZZ_H_
#define SIGNUM_FORMAT_MUTATION_FUZZ_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

// libFuzzer's: changes `size` bytes in a buffer of `max_size`; returns how many they
// are now.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);
// Ours, in the target's file: the same, called by libFuzzer.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed);

namespace signum::format {

// `bytes` after one mutation, which adds at most `growth`.
inline std::vector<uint8_t> Mutated(std::span<const uint8_t> bytes, size_t growth = 64) {
  std::vector<uint8_t> mutated(bytes.begin(), bytes.end());
  mutated.resize(bytes.size() + growth);
  mutated.resize(LLVMFuzzerMutate(mutated.data(), bytes.size(), mutated.size()));
  return mutated;
}

// What LLVMFuzzerCustomMutator returns: `bytes` in the place of `data`; where they are
// too many, a mutation of what is there.
inline size_t Put(const std::vector<uint8_t>& bytes, uint8_t* data, size_t size, size_t max_size) {
  if (bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_MUTATION_FUZZ_H_
