#include "kernels/cpu_features.h"

#include <cstdint>
#include <utility>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

namespace trinity {
namespace {

#if defined(__x86_64__)

struct CpuidRegisters {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// All zero where the CPU has no such leaf.
CpuidRegisters Cpuid(uint32_t leaf, uint32_t subleaf) {
  CpuidRegisters r;
  if (__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx) == 0) return {};
  return r;
}

bool HasBit(uint32_t value, int bit) { return (value >> bit & 1U) != 0; }

// Register states that the system saves: without them an instruction set is not to be used.
uint64_t EnabledStates() {
  constexpr int kOsxsave = 27;
  if (!HasBit(Cpuid(1, 0).ecx, kOsxsave)) return 0;
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

// Linux hands out the tile registers on request (arch_prctl), once for all threads of the process.
bool EnableAmx() {
  constexpr long kRequestPermission = 0x1023;
  constexpr long kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

// Bit numbers: Intel, Software Developer's Manual, volume 2, CPUID.
CpuFeatures Detect() {
  constexpr uint64_t kAvxStates = 0x6;
  constexpr uint64_t kAvx512States = 0xE6;
  constexpr uint64_t kTileStates = 0x60000;
  const uint64_t states = EnabledStates();
  const CpuidRegisters leaf_1 = Cpuid(1, 0);
  const CpuidRegisters leaf_7 = Cpuid(7, 0);
  const CpuidRegisters leaf_7_1 = Cpuid(7, 1);
  CpuFeatures cpu;
  const bool has_avx = (states & kAvxStates) == kAvxStates;
  cpu.avx2 = has_avx && HasBit(leaf_7.ebx, 5) && HasBit(leaf_1.ecx, 12);
  cpu.avx_vnni = cpu.avx2 && HasBit(leaf_7_1.eax, 4);
  const bool has_avx512 = (states & kAvx512States) == kAvx512States && HasBit(leaf_7.ebx, 16) &&
                          HasBit(leaf_7.ebx, 17) && HasBit(leaf_7.ebx, 30) &&
                          HasBit(leaf_7.ebx, 31);
  cpu.avx512_vnni = has_avx512 && HasBit(leaf_7.ecx, 11);
  cpu.avx512_bf16 = has_avx512 && HasBit(leaf_7_1.eax, 5);
  const bool has_tiles =
      (states & kTileStates) == kTileStates && HasBit(leaf_7.edx, 24) && EnableAmx();
  cpu.amx_int8 = has_tiles && HasBit(leaf_7.edx, 25);
  cpu.amx_bf16 = has_tiles && HasBit(leaf_7.edx, 22);
  return cpu;
}

#elif defined(__aarch64__)

CpuFeatures Detect() {
  CpuFeatures cpu;
  cpu.neon_dot = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
  cpu.neon_i8mm = (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0;
  cpu.neon_bf16 = (getauxval(AT_HWCAP2) & HWCAP2_BF16) != 0;
  return cpu;
}

#else

CpuFeatures Detect() { return {}; }

#endif

}  // namespace

const CpuFeatures& ThisCpu() {
  static const CpuFeatures features = Detect();
  return features;
}

std::vector<std::string> NamesOf(const CpuFeatures& features) {
  const std::pair<bool, const char*> all[] = {
      {features.avx2, "avx2"},
      {features.avx_vnni, "avx_vnni"},
      {features.avx512_vnni, "avx512_vnni"},
      {features.avx512_bf16, "avx512_bf16"},
      {features.amx_int8, "amx_int8"},
      {features.amx_bf16, "amx_bf16"},
      {features.neon_dot, "neon_dot"},
      {features.neon_i8mm, "neon_i8mm"},
      {features.neon_bf16, "neon_bf16"},
  };
  std::vector<std::string> names;
  for (const auto& [is_there, name] : all) {
    if (is_there) names.emplace_back(name);
  }
  return names;
}

}  // namespace trinity
