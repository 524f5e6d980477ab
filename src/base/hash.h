// Hashes that are the same on every machine. Not for secrets.
#ifndef SIGNUM_BASE_HASH_H_
#define SIGNUM_BASE_HASH_H_

#include <cstdint>
#include <string_view>

namespace signum::base {

// FNV-1a, 64 bits (Fowler, Noll and Vo).
inline uint64_t Fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace signum::base

#endif  // SIGNUM_BASE_HASH_H_
