// The tolerance of ONNX's own backend tests, for tests that run them.
#ifndef SIGNUM_ONNX_TESTING_IS_CLOSE_H_
#define SIGNUM_ONNX_TESTING_IS_CLOSE_H_

#include <cmath>

namespace signum::onnx {

// As onnx.backend.test.runner compares floats: numpy.testing.assert_allclose with rtol 1e-3
// and atol 1e-7, where NaN equals NaN.
inline bool IsClose(double is, double should) {
  return is == should || (std::isnan(is) && std::isnan(should)) ||
         (std::isfinite(should) && std::abs(is - should) <= 1e-7 + 1e-3 * std::abs(should));
}

}  // namespace signum::onnx

#endif  // SIGNUM_ONNX_TESTING_IS_CLOSE_H_
