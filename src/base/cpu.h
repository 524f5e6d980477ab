// What this CPU can do, and how far SIGNUM_ISA lets us use it. The one piece of
// state in Signum that is ambient: a CPU does not change under a process.
#ifndef SIGNUM_BASE_CPU_H_
#define SIGNUM_BASE_CPU_H_

#include <string>
#include <vector>

#include "signum/result.h"

namespace signum {

// Instruction-set levels in rising order; each includes the ones before it.
// kAvx2 means AVX2 and FMA; kAvx512 means F, BW, VL, DQ, VNNI
// and VPOPCNTDQ (Ice Lake and Zen 4 and later).
enum class Isa { kScalar = 0, kAvx2 = 1, kAvx512 = 2 };

// "scalar", "avx2", "avx512": the values that SIGNUM_ISA takes.
const char* IsaName(Isa isa);
Result<Isa> ParseIsa(const std::string& name);

// The highest level that this CPU and its operating system support.
Isa DetectIsa();

// DetectIsa(), capped by the environment variable SIGNUM_ISA. An unknown name
// there, or a level that this CPU lacks, is an error that lists the choices.
Result<Isa> AllowedIsa();

// Every level from kScalar to DetectIsa(), for tests that run under each.
std::vector<Isa> SupportedIsas();

// The processor's name as the system gives it, for reports.
std::string CpuName();

// Cores that this process may run on (its affinity mask), at least 1.
int AvailableCores();

}  // namespace signum

#endif  // SIGNUM_BASE_CPU_H_
