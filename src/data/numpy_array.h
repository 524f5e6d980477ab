// Arrays of numpy in a pickle. Knows how numpy has itself rebuilt, and calls
// nothing: a call in a base::Pickle is only its name and arguments.
#ifndef SIGNUM_DATA_NUMPY_ARRAY_H_
#define SIGNUM_DATA_NUMPY_ARRAY_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/pickle.h"

namespace signum::data {

// The objects that a pickle of arrays asks for.
inline constexpr std::array<std::string_view, 3> kNumpyNames = {
    "numpy.core.multiarray._reconstruct", "numpy.ndarray", "numpy.dtype"};

struct NumpyArray {
  std::string_view type;  // numpy's name, as in "u1"
  bool column_major = false;
  std::vector<int64_t> sizes;
  std::string_view bytes;  // the elements, in the bytes of the pickle
};

// The array that `value` is; nothing where it is none, or one of an unknown layout.
std::optional<NumpyArray> FindArray(const base::Pickle& pickle, const base::PickleValue& value);

}  // namespace signum::data

#endif  // SIGNUM_DATA_NUMPY_ARRAY_H_
