// What computes: libtorch's threads and its BLAS.
#ifndef SIGNUM_TRAIN_BACKEND_H_
#define SIGNUM_TRAIN_BACKEND_H_

#include <cstdint>

namespace signum::train {

// Lets libtorch use so many threads; 0 means every core that the process may use.
void UseThreads(int64_t threads);

}  // namespace signum::train

#endif  // SIGNUM_TRAIN_BACKEND_H_
