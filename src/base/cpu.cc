#include "base/cpu.h"

#include <sched.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#if defined(SIGNUM_EMULATE_AMX)
#include "base/amx_emulator.h"
#endif

namespace signum {

namespace {

enum class Architecture { kAnyArchitecture, kX86, kArm64 };

#if defined(__x86_64__)
constexpr Architecture kThisArchitecture = Architecture::kX86;
#elif defined(__aarch64__)
constexpr Architecture kThisArchitecture = Architecture::kArm64;
#else
constexpr Architecture kThisArchitecture = Architecture::kAnyArchitecture;
#endif

struct Level {
  Architecture architecture;
  Isa isa;
  const char* name;
};

constexpr Level kLevels[] = {
#define SIGNUM_ISA_LEVEL(architecture, level, name) {Architecture::architecture, Isa::level, name},
#include "base/isa.inc"
#undef SIGNUM_ISA_LEVEL
};

}  // namespace

const char* IsaName(Isa isa) { return kLevels[static_cast<size_t>(isa)].name; }

Result<Isa> ParseIsa(const std::string& name) {
  std::string names;
  for (const Level& level : kLevels) {
    if (name == level.name) return level.isa;
    const char* joint = level.isa == Isa::kScalar         ? ""
                        : &level == std::end(kLevels) - 1 ? " or "
                                                          : ", ";
    names += joint + std::string(level.name);
  }
  return InvalidArgument("unknown instruction set '" + name + "'; SIGNUM_ISA takes " + names);
}

std::vector<Isa> IsasOfThisArchitecture() {
  std::vector<Isa> isas;
  for (const Level& level : kLevels) {
    if (level.architecture == Architecture::kAnyArchitecture ||
        level.architecture == kThisArchitecture) {
      isas.push_back(level.isa);
    }
  }
  return isas;
}

#if defined(__x86_64__)
namespace {

// Whether the CPU has tiles with 8-bit products and Linux gives them to this process
// (Documentation/arch/x86/xstate.rst): their registers are too large for every process and
// every signal stack to have room for. Older systems and sandboxes refuse; so be it.
bool HasAmx() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return false;
  constexpr unsigned kTiles = 1u << 24, kByteProducts = 1u << 25;
  if ((edx & kTiles) == 0 || (edx & kByteProducts) == 0) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

}  // namespace
#endif

Isa DetectIsa() {
#if defined(__x86_64__)
  // libgcc's detection asks XGETBV too, so the system's support is included.
  static const Isa detected = [] {
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return Isa::kScalar;
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512vnni") &&
                        __builtin_cpu_supports("avx512vpopcntdq");
    if (!avx512) return Isa::kAvx2;
#if defined(SIGNUM_EMULATE_AMX)
    if (!HasAmx()) EmulateAmx();
    return Isa::kAmx;
#else
    return HasAmx() ? Isa::kAmx : Isa::kAvx512;
#endif
  }();
  return detected;
#elif defined(__aarch64__)
  static const Isa detected =
      (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0 ? Isa::kDotprod : Isa::kNeon;
  return detected;
#else
  return Isa::kScalar;
#endif
}

Result<Isa> AllowedIsa() {
  const char* cap = std::getenv("SIGNUM_ISA");
  if (cap == nullptr || *cap == '\0') return DetectIsa();
  SIGNUM_ASSIGN_OR_RETURN(const Isa isa, ParseIsa(cap));
  const std::vector<Isa> supported = SupportedIsas();
  if (std::find(supported.begin(), supported.end(), isa) == supported.end()) {
    return Unsupported("SIGNUM_ISA=" + std::string(cap) + ", but this CPU reaches only " +
                       IsaName(DetectIsa()) + "; unset it or lower it");
  }
  return isa;
}

std::vector<Isa> SupportedIsas() {
  std::vector<Isa> isas = IsasOfThisArchitecture();
  std::erase_if(isas, [](Isa isa) { return isa > DetectIsa(); });
  return isas;
}

std::string CpuName() {
  std::ifstream info("/proc/cpuinfo");
  std::string implementer, part;
  for (std::string line; std::getline(info, line);) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string value = line.substr(colon + 2);
    if (line.rfind("model name", 0) == 0) return value;
    if (line.rfind("CPU implementer", 0) == 0) implementer = value;
    if (line.rfind("CPU part", 0) == 0) part = value;
  }
  // Linux on arm64 knows numbers alone: 0x41 and 0xd0c are a Neoverse N1 of Arm.
  return part.empty() ? "unknown CPU" : "CPU part " + part + " of implementer " + implementer;
}

int AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  const unsigned cores = std::thread::hardware_concurrency();
  return cores == 0 ? 1 : static_cast<int>(cores);
}

}  // namespace signum
