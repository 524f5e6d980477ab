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
// and VPOPCNTDQ (Ice Lake and Zen 4 and later); kAmx adds AMX's tiles and their 8-bit
// products (Sapphire Rapids and later), which only integer matrix products have kernels for.
enum class Isa { kScalar = 0, kAvx2 = 1, kAvx512 = 2, kAmx = 3 };

// "scalar", "avx2", "avx512", "amx": the values that SIGNUM_ISA takes.
const char* IsaName(Isa isa);
Result<Isa> ParseIsa(const std::string& name);

// The highest level that this CPU and its operating system support. The first call asks the
// system for AMX's tiles, which Linux gives to a process on request only. In a build with
// SIGNUM_EMULATE_AMX, a CPU of kAvx512 has kAmx (base/amx_emulator.h).
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
