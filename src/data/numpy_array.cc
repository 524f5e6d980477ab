#include "data/numpy_array.h"

namespace signum::data {

using base::Pickle;
using base::PickleValue;
using Kind = PickleValue::Kind;

std::optional<NumpyArray> FindArray(const Pickle& pickle, const PickleValue& value) {
  if (value.kind != Kind::kCall || value.bytes != kNumpyNames[0] || value.other < 0) return {};
  // Its state: (version, sizes, type, column major, elements).
  const PickleValue& state = pickle.at(value.other);
  if (state.kind != Kind::kTuple || state.items.size() != 5) return {};
  const auto field = [&](size_t i) -> const PickleValue& { return pickle.at(state.items[i]); };
  // The type: dtype(name, ...); its own state is left: a byte has no byte order.
  const PickleValue& type = field(2);
  const bool known = field(1).kind == Kind::kTuple && type.kind == Kind::kCall &&
                     type.bytes == kNumpyNames[2] && !type.items.empty() &&
                     pickle.at(type.items[0]).kind == Kind::kBytes &&
                     field(3).kind == Kind::kInteger && field(4).kind == Kind::kBytes;
  if (!known) return {};
  NumpyArray array{.type = pickle.at(type.items[0]).bytes,
                   .column_major = field(3).integer != 0,
                   .bytes = field(4).bytes};
  for (const int index : field(1).items) {
    if (pickle.at(index).kind != Kind::kInteger) return {};
    array.sizes.push_back(pickle.at(index).integer);
  }
  return array;
}

}  // namespace signum::data
