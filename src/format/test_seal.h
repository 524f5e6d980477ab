// Seals damaged .sgn bytes anew, so that the damage reaches the checks behind the
// seal. Part of no library.
#ifndef SIGNUM_FORMAT_TEST_SEAL_H_
#define SIGNUM_FORMAT_TEST_SEAL_H_

#include <cstdint>
#include <span>

namespace signum::format {

// Writes the length and the checksum that these bytes should have into their
// header; does nothing where that has no place for them.
void Reseal(std::span<uint8_t> bytes);

}  // namespace signum::format

#endif  // SIGNUM_FORMAT_TEST_SEAL_H_
