#include "base/cpu.h"

#include <sched.h>

#include <cstdlib>
#include <fstream>
#include <thread>

namespace signum {

const char* IsaName(Isa isa) {
  switch (isa) {
    case Isa::kScalar: return "scalar";
    case Isa::kAvx2: return "avx2";
    case Isa::kAvx512: return "avx512";
  }
  return "unknown";
}

constexpr Isa kEveryIsa[] = {Isa::kScalar, Isa::kAvx2, Isa::kAvx512};

Result<Isa> ParseIsa(const std::string& name) {
  for (Isa isa : kEveryIsa) {
    if (name == IsaName(isa)) return isa;
  }
  return InvalidArgument("unknown instruction set '" + name +
                         "'; SIGNUM_ISA takes scalar, avx2 or avx512");
}

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
    return avx512 ? Isa::kAvx512 : Isa::kAvx2;
  }();
  return detected;
#else
  return Isa::kScalar;
#endif
}

Result<Isa> AllowedIsa() {
  const char* cap = std::getenv("SIGNUM_ISA");
  if (cap == nullptr || *cap == '\0') return DetectIsa();
  SIGNUM_ASSIGN_OR_RETURN(const Isa isa, ParseIsa(cap));
  if (isa > DetectIsa()) {
    return Unsupported("SIGNUM_ISA=" + std::string(cap) + ", but this CPU reaches only " +
                       IsaName(DetectIsa()) + "; unset it or lower it");
  }
  return isa;
}

std::vector<Isa> SupportedIsas() {
  std::vector<Isa> isas;
  for (Isa isa : kEveryIsa) {
    if (isa <= DetectIsa()) isas.push_back(isa);
  }
  return isas;
}

std::string CpuName() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) {
      const size_t colon = line.find(": ");
      if (colon != std::string::npos) return line.substr(colon + 2);
    }
  }
  return "unknown CPU";
}

int AvailableCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
  const unsigned cores = std::thread::hardware_concurrency();
  return cores == 0 ? 1 : static_cast<int>(cores);
}

}  // namespace signum
