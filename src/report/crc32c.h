// CRC32C (Castagnoli), the checksum of TFRecord files. Knows no file.
#ifndef SIGNUM_REPORT_CRC32C_H_
#define SIGNUM_REPORT_CRC32C_H_

#include <cstdint>
#include <string_view>

namespace signum::report {

// RFC 3720, appendix B.4: reflected polynomial 0x82f63b78, inverted in and out.
uint32_t Crc32c(std::string_view bytes);

// TFRecord's form of it: rotated and offset, so that the checksum of a record
// which holds checksums stays sound.
uint32_t MaskedCrc32c(std::string_view bytes);

}  // namespace signum::report

#endif  // SIGNUM_REPORT_CRC32C_H_
