#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace trinity {

// Instructions that decide the speed of matrix products and that the installed Highway knows
// nothing of. A level is asked for by name beside Highway's targets (kernels/simd_target.h).
struct CpuLevel {
  std::string_view name;
  std::string_view highway_target;  // that all other kernels run on
  bool has_vnni = false;            // AVX512-VNNI: 8-bit dot products of 512 bits
  bool has_avx_vnni = false;        // AVX-VNNI: the same of 256 bits
  bool has_bf16 = false;            // AVX512-BF16
  bool has_amx = false;             // AMX-TILE and AMX-INT8, with the system's permission
  bool has_amx_bf16 = false;        // AMX-BF16 besides
  bool has_neon_dot = false;        // 8-bit dot products of Arm v8.2
};

// The levels above Highway's own targets that this CPU and system have, best first.
std::span<const CpuLevel> AvailableCpuLevels();

// The level that kernels run on; one without a name and instructions where a Highway target was
// forced.
const CpuLevel& ActiveCpuLevel();

// From now on; nullptr: none.
void ForceCpuLevel(const CpuLevel* level);

}  // namespace trinity
