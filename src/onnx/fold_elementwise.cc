// Operators that compute every element from those in the same place of their inputs,
// which broadcast. Integers are computed in 64 bits and wrapped around to their type.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "onnx/fold_operators.h"
#include "onnx/fold_walk.h"

namespace signum::onnx::fold {
namespace {

// What elements of type T are computed in, and T without undefined overflow.
template <typename T>
using Wide = std::conditional_t<std::is_same_v<T, float>, float, int64_t>;
template <typename T>
using Wrapping = std::conditional_t<std::is_same_v<T, float>, float, uint64_t>;

constexpr auto kAdd = []<typename T>(T a, T b) { return T(Wrapping<T>(a) + Wrapping<T>(b)); };
constexpr auto kSubtract = []<typename T>(T a, T b) { return T(Wrapping<T>(a) - Wrapping<T>(b)); };
constexpr auto kMultiply = []<typename T>(T a, T b) { return T(Wrapping<T>(a) * Wrapping<T>(b)); };
// Integers are divided by nothing but 0; -2^63 / -1 wraps around.
constexpr auto kDivide = []<typename T>(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    if (b == -1) return T(0 - Wrapping<T>(a));
  }
  return T(a / b);
};
// The remainder with the dividend's sign.
constexpr auto kRemainder = []<typename T>(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return b == -1 ? T(0) : T(a % b);
  } else {
    return std::fmod(a, b);
  }
};
// The remainder with the divisor's sign.
constexpr auto kModulo = []<typename T>(T a, T b) {
  const T remainder = kRemainder(a, b);
  return remainder != 0 && (remainder < 0) != (b < 0) ? T(remainder + b) : remainder;
};
// A NaN stays, as in NumPy.
constexpr auto kMinimum = []<typename T>(T a, T b) { return a < b || a != a ? a : b; };
constexpr auto kMaximum = []<typename T>(T a, T b) { return a > b || a != a ? a : b; };
constexpr auto kEqual = [](auto a, auto b) { return a == b; };
constexpr auto kLess = [](auto a, auto b) { return a < b; };
constexpr auto kLessOrEqual = [](auto a, auto b) { return a <= b; };
constexpr auto kGreater = [](auto a, auto b) { return a > b; };
constexpr auto kGreaterOrEqual = [](auto a, auto b) { return a >= b; };

// Of bool, which is 0 or 1.
constexpr auto kAnd = [](auto a, auto b) { return a != 0 && b != 0; };
constexpr auto kOr = [](auto a, auto b) { return a != 0 || b != 0; };
constexpr auto kXor = [](auto a, auto b) { return a != b; };

constexpr auto kNegate = []<typename T>(T x) { return T(T(0) - Wrapping<T>(x)); };
constexpr auto kAbsolute = []<typename T>(T x) {
  if constexpr (std::is_integral_v<T>) return x < 0 ? kNegate(x) : x;
  return T(std::abs(x));
};
constexpr auto kSign = []<typename T>(T x) { return x != x ? x : T((x > 0) - (x < 0)); };
constexpr auto kRelu = []<typename T>(T x) { return x < 0 ? T(0) : x; };
constexpr auto kCeil = [](float x) { return std::ceil(x); };
constexpr auto kExp = [](float x) { return std::exp(x); };
constexpr auto kFloor = [](float x) { return std::floor(x); };
constexpr auto kLog = [](float x) { return std::log(x); };
constexpr auto kReciprocal = [](float x) { return 1.0f / x; };
constexpr auto kRound = [](float x) { return std::nearbyint(x); };  // halves to even
constexpr auto kSigmoid = [](float x) { return 1.0f / (1.0f + std::exp(-x)); };
constexpr auto kSqrt = [](float x) { return std::sqrt(x); };
constexpr auto kTanh = [](float x) { return std::tanh(x); };

// op(a, b) for inputs of one type, as elements that are stored as Stored or, where
// that is void, as the inputs'.
template <typename Stored, typename Op>
Result<Constant> Combine(const Call& call, const Constant& a, const Constant& b, ElementType type,
                         Op op) {
  SIGNUM_RETURN_IF_ERROR(CheckSameType(a, b));
  SIGNUM_ASSIGN_OR_RETURN(auto sizes, BroadcastSizes(a.sizes, b.sizes));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(sizes));
  Constant::Data data = std::visit(
      [&]<typename T>(const std::vector<T>& left) {
        const auto& right = std::get<std::vector<T>>(b.data);
        using Element = std::conditional_t<std::is_void_v<Stored>, T, Stored>;
        std::vector<Element> result(static_cast<size_t>(count));
        auto next = result.begin();
        Walk<2>(sizes, {BroadcastStrides(a.sizes, sizes), BroadcastStrides(b.sizes, sizes)}, {0, 0},
                [&](int64_t i, int64_t j) {
                  *next++ = static_cast<Element>(op(Wide<T>(left[i]), Wide<T>(right[j])));
                });
        return Constant::Data(std::move(result));
      },
      a.data);
  return Wrapped({type, std::move(sizes), std::move(data)});
}

template <auto Op>
Result<Constant> Arithmetic(const Call& call) {
  SIGNUM_RETURN_IF_ERROR(CheckNumber(call[0]));
  return Combine<void>(call, call[0], call[1], call[0].type, Op);
}

// For those that integers divided by 0 have no result of.
template <auto Op>
Result<Constant> Division(const Call& call) {
  if (!call[1].is_float()) {
    const auto divisors = call[1].Integers();
    if (std::find(divisors.begin(), divisors.end(), 0) != divisors.end()) {
      return InvalidArgument("divides integers by zero");
    }
  }
  return Arithmetic<Op>(call);
}

Result<Constant> Mod(const Call& call) {
  SIGNUM_ASSIGN_OR_RETURN(const int64_t fmod, call.node.Int("fmod", 0));
  if (fmod != 0) return Division<kRemainder>(call);
  if (call[0].is_float()) return InvalidArgument("Mod of floats needs fmod = 1");
  return Division<kModulo>(call);
}

template <auto Op>
Result<Constant> Comparison(const Call& call) {
  return Combine<int64_t>(call, call[0], call[1], ElementType::kBool, Op);
}

template <auto Op>
Result<Constant> Logic(const Call& call) {
  SIGNUM_RETURN_IF_ERROR(CheckBool(call[0]));
  return Combine<void>(call, call[0], call[1], ElementType::kBool, Op);
}

// Of any number of inputs.
template <auto Op>
Result<Constant> Accumulation(const Call& call) {
  SIGNUM_RETURN_IF_ERROR(CheckNumber(call[0]));
  SIGNUM_RETURN_IF_ERROR(call.Take(call[0].sizes));
  Constant result = call[0];
  for (size_t i = 1; i < call.inputs.size(); ++i) {
    SIGNUM_ASSIGN_OR_RETURN(result, Combine<void>(call, result, call[i], result.type, Op));
  }
  return result;
}

// op(x) for every element.
template <typename Op>
Result<Constant> Transform(const Call& call, Op op) {
  SIGNUM_RETURN_IF_ERROR(call.Take(call[0].sizes));
  Constant result = call[0];
  std::visit(
      [&]<typename T>(std::vector<T>& values) {
        for (T& value : values) value = static_cast<T>(op(Wide<T>(value)));
      },
      result.data);
  return Wrapped(std::move(result));
}

template <auto Op>
Result<Constant> OfNumbers(const Call& call) {
  SIGNUM_RETURN_IF_ERROR(CheckNumber(call[0]));
  return Transform(call, Op);
}

template <auto Op>
Result<Constant> OfFloats(const Call& call) {
  SIGNUM_RETURN_IF_ERROR(CheckFloat(call[0]));
  return Transform(call, [](auto x) { return Op(static_cast<float>(x)); });
}

Result<Constant> Not(const Call& call) {
  SIGNUM_RETURN_IF_ERROR(CheckBool(call[0]));
  return Transform(call, [](auto x) { return x == 0; });
}

// Clip's bound: an attribute before opset 11, an input from then on.
Result<std::optional<Constant>> ClipBound(const Call& call, const char* name, size_t index) {
  if (call.opset() < 11) {
    if (!call.node.Has(name)) return std::nullopt;
    SIGNUM_ASSIGN_OR_RETURN(const float bound, call.node.Float(name, 0));
    return Constant::OfFloats({}, {bound});
  }
  if (!call.Has(index)) return std::nullopt;
  SIGNUM_RETURN_IF_ERROR(CheckOne(call[index], name));
  return call[index];
}

Result<Constant> Clip(const Call& call) {
  SIGNUM_RETURN_IF_ERROR(CheckNumber(call[0]));
  SIGNUM_RETURN_IF_ERROR(call.Take(call[0].sizes));
  SIGNUM_ASSIGN_OR_RETURN(const auto low, ClipBound(call, "min", 1));
  SIGNUM_ASSIGN_OR_RETURN(const auto high, ClipBound(call, "max", 2));
  if (low) SIGNUM_RETURN_IF_ERROR(CheckSameType(call[0], *low));
  if (high) SIGNUM_RETURN_IF_ERROR(CheckSameType(call[0], *high));
  Constant result = call[0];
  std::visit(
      [&]<typename T>(std::vector<T>& values) {
        const auto bound = [](const auto& given, T otherwise) {
          return given ? std::get<std::vector<T>>(given->data)[0] : otherwise;
        };
        const T least = bound(low, std::numeric_limits<T>::lowest());
        const T most = bound(high, std::numeric_limits<T>::max());
        // `most` wins where it is below `least`.
        for (T& value : values) value = std::min(std::max(value, least), most);
      },
      result.data);
  return result;
}

// base to the power of a number of either kind, or nothing where an integer has no
// such power.
std::optional<float> PowerOf(float base, double exponent) {
  return static_cast<float>(std::pow(static_cast<double>(base), exponent));
}

std::optional<int64_t> PowerOf(int64_t base, double exponent) {
  if (exponent >= 0 && exponent < 0x1p62 && exponent == std::floor(exponent)) {
    int64_t power = 1;
    for (auto left = static_cast<int64_t>(exponent); left > 0; left /= 2) {
      if (left % 2 == 1) power = kMultiply(power, base);
      base = kMultiply(base, base);
    }
    return power;
  }
  const double power = std::trunc(std::pow(static_cast<double>(base), exponent));
  if (!(power >= -0x1p63 && power < 0x1p63)) return std::nullopt;
  return static_cast<int64_t>(power);
}

Result<Constant> Pow(const Call& call) {
  const Constant &base = call[0], &exponent = call[1];
  SIGNUM_RETURN_IF_ERROR(CheckNumber(base));
  SIGNUM_RETURN_IF_ERROR(CheckNumber(exponent));
  SIGNUM_ASSIGN_OR_RETURN(auto sizes, BroadcastSizes(base.sizes, exponent.sizes));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(sizes));
  bool fits = true;
  const auto power = [&]<typename T, typename E>(const std::vector<T>& bases,
                                                 const std::vector<E>& exponents) {
    std::vector<T> result(static_cast<size_t>(count));
    auto next = result.begin();
    Walk<2>(sizes, {BroadcastStrides(base.sizes, sizes), BroadcastStrides(exponent.sizes, sizes)},
            {0, 0}, [&](int64_t i, int64_t j) {
              const auto value = PowerOf(Wide<T>(bases[i]), static_cast<double>(exponents[j]));
              fits = fits && value.has_value();
              *next++ = static_cast<T>(value.value_or(0));
            });
    return Constant::Data(std::move(result));
  };
  Constant::Data data = std::visit(power, base.data, exponent.data);
  if (!fits) return InvalidArgument("raises an integer to a power that is none");
  return Wrapped({base.type, std::move(sizes), std::move(data)});
}

Result<Constant> Where(const Call& call) {
  SIGNUM_RETURN_IF_ERROR(CheckBool(call[0]));
  SIGNUM_RETURN_IF_ERROR(CheckSameType(call[1], call[2]));
  SIGNUM_ASSIGN_OR_RETURN(auto sizes, BroadcastSizes(call[0].sizes, call[1].sizes));
  SIGNUM_ASSIGN_OR_RETURN(sizes, BroadcastSizes(sizes, call[2].sizes));
  SIGNUM_ASSIGN_OR_RETURN(const int64_t count, call.Take(sizes));
  const auto& condition = std::get<std::vector<int64_t>>(call[0].data);
  Constant::Data data = std::visit(
      [&]<typename T>(const std::vector<T>& yes) {
        const auto& no = std::get<std::vector<T>>(call[2].data);
        std::vector<T> result(static_cast<size_t>(count));
        auto next = result.begin();
        Walk<3>(sizes,
                {BroadcastStrides(call[0].sizes, sizes), BroadcastStrides(call[1].sizes, sizes),
                 BroadcastStrides(call[2].sizes, sizes)},
                {0, 0, 0}, [&](int64_t at, int64_t i, int64_t j) {
                  *next++ = condition[at] != 0 ? yes[i] : no[j];
                });
        return Constant::Data(std::move(result));
      },
      call[1].data);
  return Constant{call[1].type, std::move(sizes), std::move(data)};
}

}  // namespace

std::span<const Operator> ElementwiseOperators() {
  static constexpr Operator kOperators[] = {
      {"Abs", 1, 1, One<OfNumbers<kAbsolute>>},
      {"Add", 2, 2, One<Arithmetic<kAdd>>},
      {"And", 2, 2, One<Logic<kAnd>>},
      {"Ceil", 1, 1, One<OfFloats<kCeil>>},
      {"Clip", 1, 3, One<Clip>},
      {"Div", 2, 2, One<Division<kDivide>>},
      {"Equal", 2, 2, One<Comparison<kEqual>>},
      {"Exp", 1, 1, One<OfFloats<kExp>>},
      {"Floor", 1, 1, One<OfFloats<kFloor>>},
      {"Greater", 2, 2, One<Comparison<kGreater>>},
      {"GreaterOrEqual", 2, 2, One<Comparison<kGreaterOrEqual>>},
      {"Less", 2, 2, One<Comparison<kLess>>},
      {"LessOrEqual", 2, 2, One<Comparison<kLessOrEqual>>},
      {"Log", 1, 1, One<OfFloats<kLog>>},
      {"Max", 1, kAnyNumber, One<Accumulation<kMaximum>>},
      {"Min", 1, kAnyNumber, One<Accumulation<kMinimum>>},
      {"Mod", 2, 2, One<Mod>},
      {"Mul", 2, 2, One<Arithmetic<kMultiply>>},
      {"Neg", 1, 1, One<OfNumbers<kNegate>>},
      {"Not", 1, 1, One<Not>},
      {"Or", 2, 2, One<Logic<kOr>>},
      {"Pow", 2, 2, One<Pow>},
      {"Reciprocal", 1, 1, One<OfFloats<kReciprocal>>},
      {"Relu", 1, 1, One<OfNumbers<kRelu>>},
      {"Round", 1, 1, One<OfFloats<kRound>>},
      {"Sigmoid", 1, 1, One<OfFloats<kSigmoid>>},
      {"Sign", 1, 1, One<OfNumbers<kSign>>},
      {"Sqrt", 1, 1, One<OfFloats<kSqrt>>},
      {"Sub", 2, 2, One<Arithmetic<kSubtract>>},
      {"Sum", 1, kAnyNumber, One<Accumulation<kAdd>>},
      {"Tanh", 1, 1, One<OfFloats<kTanh>>},
      {"Where", 3, 3, One<Where>},
      {"Xor", 2, 2, One<Logic<kXor>>},
  };
  return kOperators;
}

}  // namespace signum::onnx::fold
