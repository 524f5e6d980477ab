// SIGNUM_CHECK: our own invariants. A failure is a bug in Signum, so it aborts
// with the place; anything the outside world can cause gets a Result instead.
#ifndef SIGNUM_BASE_CHECK_H_
#define SIGNUM_BASE_CHECK_H_

#include <cstdio>
#include <cstdlib>

namespace signum::base {

[[noreturn]] inline void CheckFailed(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "signum: internal error at %s:%d: %s does not hold\n", file, line,
               condition);
  std::abort();
}

}  // namespace signum::base

#define SIGNUM_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::signum::base::CheckFailed(__FILE__, __LINE__, #condition))

#endif  // SIGNUM_BASE_CHECK_H_
