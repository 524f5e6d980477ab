// Whether codes are weights of so many bits. In a file of its own, which is compiled to go fast
// through every weight of a model.
#ifndef SIGNUM_GRAPH_WEIGHT_CODES_H_
#define SIGNUM_GRAPH_WEIGHT_CODES_H_

#include <cstdint>
#include <span>

#include "signum/result.h"

namespace signum {

// bits: 1 to 8; codes of 1 bit are -1 and +1. The error names the first code that does not fit.
Status CheckWeightCodes(std::span<const int8_t> codes, int bits);

}  // namespace signum

#endif  // SIGNUM_GRAPH_WEIGHT_CODES_H_
