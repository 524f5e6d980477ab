// What tests of tensors compare.
#ifndef SIGNUM_TRAIN_TESTING_TENSOR_VALUES_H_
#define SIGNUM_TRAIN_TESTING_TENSOR_VALUES_H_

#include <torch/torch.h>

#include <vector>

namespace signum::train {

// All elements of a float tensor, in row-major order.
inline std::vector<float> Values(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.detach().contiguous().flatten();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_TESTING_TENSOR_VALUES_H_
