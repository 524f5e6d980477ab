// What this CPU can do, and how far SIGNUM_ISA lets us use it. The one piece of
// state in Signum that is ambient: a CPU does not change under a process.
#ifndef SIGNUM_BASE_CPU_H_
#define SIGNUM_BASE_CPU_H_

#include <string>
#include <vector>

#include "signum/result.h"

namespace signum {

// Instruction-set levels. Those of one architecture rise in this order, each including the
// ones before it; those of different architectures do not compare.
// kAvx2 means AVX2 and FMA; kAvx512 means F, BW, VL, DQ, VNNI and VPOPCNTDQ (Ice Lake and
// Zen 4 and later); kAmx adds AMX's tiles and their 8-bit products (Sapphire Rapids and
// later). kNeon is what every arm64 CPU has; kDotprod means FEAT_DotProd (Cortex-A55 and
// -A76, Neoverse N1, Apple A11 and later). kAmx and kDotprod bring products of bytes alone,
// so only integer matrix products have kernels for them.
enum class Isa {
#define SIGNUM_ISA_LEVEL(architecture, level, name) level,
#include "base/isa.inc"
#undef SIGNUM_ISA_LEVEL
};

// "scalar", "avx2", "neon" and so on: the values that SIGNUM_ISA takes.
const char* IsaName(Isa isa);

// A level of any architecture; an unknown name is an error that lists the choices.
Result<Isa> ParseIsa(const std::string& name);

// Every level of the architecture that this is compiled for, kScalar first. Other levels
// come from nowhere but ParseIsa.
std::vector<Isa> IsasOfThisArchitecture();

// The highest level that this CPU and its operating system support. The first call asks the
// system for AMX's tiles, which Linux gives to a process on request only. In a build with
// SIGNUM_EMULATE_AMX, a CPU of kAvx512 has kAmx (base/amx_emulator.h).
Isa DetectIsa();

// DetectIsa(), capped by the environment variable SIGNUM_ISA. An unknown name
// there, or a level that this CPU lacks, is an error that says what is possible.
Result<Isa> AllowedIsa();

// Every level from kScalar to DetectIsa(), for tests that run under each.
std::vector<Isa> SupportedIsas();

// The processor's name as the system gives it, for reports.
std::string CpuName();

// Cores that this process may run on (its affinity mask), at least 1.
int AvailableCores();

}  // namespace signum

#endif  // SIGNUM_BASE_CPU_H_
