#pragma once

#include <string>
#include <vector>

namespace trinity {

// Instruction sets beyond Highway's targets that this CPU has and the system lets programs use.
struct CpuFeatures {
  bool avx2 = false;         // with FMA
  bool avx_vnni = false;     // vpdpbusd on 256 bits
  bool avx512_vnni = false;  // vpdpbusd on 512 bits; implies AVX-512 F, BW, DQ, VL
  bool avx512_bf16 = false;  // vdpbf16ps on 512 bits; implies the same
  bool amx_int8 = false;     // tiles, granted by the system to this process
  bool amx_bf16 = false;
  bool neon_dot = false;   // sdot, udot
  bool neon_i8mm = false;  // smmla, usmmla
  bool neon_bf16 = false;  // bfdot, bfmmla
};

// Asked once.
const CpuFeatures& ThisCpu();

// Their names, for people: "avx2", "avx512_vnni", ...
std::vector<std::string> NamesOf(const CpuFeatures& features);

}  // namespace trinity
