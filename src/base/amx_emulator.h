// EmulateAmx: AMX's tiles in software, for tests on CPUs that lack them. The instructions
// that Signum's kernels use, caught as the illegal ones that they are there, and each some
// thousand times as slow. Only builds with SIGNUM_EMULATE_AMX have it.
#ifndef SIGNUM_BASE_AMX_EMULATOR_H_
#define SIGNUM_BASE_AMX_EMULATOR_H_

namespace signum {

// From now on LDTILECFG, TILERELEASE, TILELOADD, TILESTORED and TDPBUSD (Intel 64 and IA-32
// Architectures Software Developer's Manual, volume 2) work in every thread, addressed as
// compilers write them: with a 3-byte VEX prefix and 64-bit registers. What a CPU would
// refuse ends the process, as does every other illegal instruction. Takes over SIGILL.
void EmulateAmx();

}  // namespace signum

#endif  // SIGNUM_BASE_AMX_EMULATOR_H_
