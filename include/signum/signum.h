// The public API of the Signum runtime: load a model, make a session, run it.
#ifndef SIGNUM_SIGNUM_H_
#define SIGNUM_SIGNUM_H_

#include "signum/model.h"    // IWYU pragma: export
#include "signum/result.h"   // IWYU pragma: export
#include "signum/session.h"  // IWYU pragma: export

#endif  // SIGNUM_SIGNUM_H_
