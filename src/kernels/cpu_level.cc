#include "kernels/cpu_level.h"

#include <atomic>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace trinity {
namespace {

#if defined(__x86_64__)

struct CpuidResult {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

CpuidResult Cpuid(unsigned leaf, unsigned subleaf) {
  CpuidResult r;
  if (__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d) == 0) return {};
  return r;
}

bool Bit(unsigned value, int bit) { return (value >> bit & 1U) != 0; }

// Which registers the system saves: XCR0.
uint64_t SavedRegisters() {
  if (!Bit(Cpuid(1, 0).c, 27)) return 0;  // OSXSAVE
  unsigned low = 0, high = 0;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

// Linux gives the tile registers to processes that ask for them.
bool AskForTiles() {
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

std::vector<CpuLevel> FindLevels() {
  constexpr uint64_t kAvx = 0x6, kAvx512 = 0xE6, kTiles = 0x60000;
  const uint64_t saved = SavedRegisters();
  const CpuidResult leaf7 = Cpuid(7, 0), leaf7_1 = Cpuid(7, 1), leaf1 = Cpuid(1, 0);
  // F, DQ, CD, BW, VL: what Highway's AVX3 wants.
  const bool has_avx512 = (saved & kAvx512) == kAvx512 && Bit(leaf7.b, 16) && Bit(leaf7.b, 17) &&
                          Bit(leaf7.b, 28) && Bit(leaf7.b, 30) && Bit(leaf7.b, 31);
  const bool has_vnni = has_avx512 && Bit(leaf7.c, 11);
  const bool has_bf16 = has_vnni && Bit(leaf7_1.a, 5);
  const bool has_amx = has_bf16 && (saved & kTiles) == kTiles && Bit(leaf7.d, 24) &&
                       Bit(leaf7.d, 25) && AskForTiles();
  const bool has_avx2 = (saved & kAvx) == kAvx && Bit(leaf7.b, 5) && Bit(leaf1.c, 12);
  const bool has_avx_vnni = has_avx2 && Bit(leaf7_1.a, 4);
  std::vector<CpuLevel> levels;
  const bool has_amx_bf16 = has_amx && Bit(leaf7.d, 22);
  if (has_amx) {
    levels.push_back(
        {.name = "AMX", .has_bf16 = true, .has_amx = true, .has_amx_bf16 = has_amx_bf16});
  }
  if (has_bf16) levels.push_back({.name = "AVX512_BF16", .has_bf16 = true});
  if (has_vnni) levels.push_back({.name = "AVX512_VNNI"});
  for (CpuLevel& level : levels) {
    level.highway_target = "AVX3";
    level.has_vnni = true;
  }
  if (has_avx_vnni) {
    levels.push_back({.name = "AVX_VNNI", .highway_target = "AVX2", .has_avx_vnni = true});
  }
  return levels;
}

#elif defined(__aarch64__)

std::vector<CpuLevel> FindLevels() {
  constexpr unsigned long kDotProducts = 1UL << 20;  // HWCAP_ASIMDDP
  if ((getauxval(AT_HWCAP) & kDotProducts) == 0) return {};
  return {{.name = "NEON_DOT", .highway_target = "NEON", .has_neon_dot = true}};
}

#else

std::vector<CpuLevel> FindLevels() { return {}; }

#endif

const std::vector<CpuLevel>& Levels() {
  static const std::vector<CpuLevel> levels = FindLevels();
  return levels;
}

constexpr CpuLevel kNoLevel;

std::atomic<const CpuLevel*>& Active() {
  static std::atomic<const CpuLevel*> active{Levels().empty() ? &kNoLevel : Levels().data()};
  return active;
}

}  // namespace

std::span<const CpuLevel> AvailableCpuLevels() { return Levels(); }

const CpuLevel& ActiveCpuLevel() { return *Active().load(std::memory_order_relaxed); }

void ForceCpuLevel(const CpuLevel* level) {
  Active().store(level != nullptr ? level : &kNoLevel, std::memory_order_relaxed);
}

}  // namespace trinity
