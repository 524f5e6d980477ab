// How numbers read and how wide text is: the words of tables, progress lines and
// reports. Knows no table, no stream and no locale; results are the same everywhere.
#ifndef SIGNUM_REPORT_TEXT_H_
#define SIGNUM_REPORT_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace signum::report {

// "512 B", "1.1 MB", "23 GB": decimal units, as disks and networks count them
// (1 KB = 1000 bytes). Two significant digits below 10, none after the point above.
std::string HumanBytes(int64_t bytes);

// "272,474".
std::string HumanCount(int64_t count);

// "2:05" (minutes and seconds) or "1:23:45"; rounded to the second. Negative and
// non-finite times, which have no such form, read "-:--".
std::string HumanDuration(double seconds);

// A number as a reader wants it: up to `digits` significant digits, no trailing
// zeros, and an exponent only outside 1e-4 .. 1e6. "nan" and "inf" read so.
std::string HumanNumber(double value, int digits = 4);

// "81.2 %" from 0.812; "n/a" where the share is not finite.
std::string HumanPercent(double share);

// Columns that UTF-8 text takes on a terminal: one a code point, none for a
// combining accent. Wide East Asian characters count as one; tables of such
// text are then a little ragged, never wrong.
int DisplayWidth(std::string_view text);

// The start of `text` that fits `columns`, cut between code points, with "..."
// at the end where something was cut and there is room for it. Control
// characters, which would move the cursor, become spaces.
std::string FitWidth(std::string_view text, int columns);

}  // namespace signum::report

#endif  // SIGNUM_REPORT_TEXT_H_
