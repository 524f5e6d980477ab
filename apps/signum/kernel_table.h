// Which kernel each layer of a program runs on, and why no faster one.
#ifndef SIGNUM_APPS_KERNEL_TABLE_H_
#define SIGNUM_APPS_KERNEL_TABLE_H_

#include "report/table.h"
#include "runtime/program.h"

namespace signum::apps {

// One row for each step, and one more for each refusal after the first.
report::Table KernelTable(const runtime::Program& program);

}  // namespace signum::apps

#endif  // SIGNUM_APPS_KERNEL_TABLE_H_
