#include "kernels/dot_product_probe.h"

#include <algorithm>
#include <string>
#include <vector>

#include "kernels/cpu_level.h"
#include "kernels/simd_target.h"

namespace trinity {
namespace {

// What the CPU has, whatever the kernels were forced to.
[[maybe_unused]] CpuLevel BestLevel() {
  const auto levels = AvailableCpuLevels();
  return levels.empty() ? CpuLevel() : levels.front();
}

}  // namespace
}  // namespace trinity

#if defined(__x86_64__)

#pragma GCC diagnostic push
#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <cpuid.h>
#include <immintrin.h>

namespace trinity {
namespace {

// Each loop has as many sums as hide the latency of its instruction. The empty asm keeps the
// compiler from seeing that all of them do the same.
constexpr int kChains512 = 16;
constexpr int kChains256 = 12;

__attribute__((target("avx512f,avx512vnni"))) uint32_t RunAvx512Vnni(int64_t num_rounds) {
  __m512i sums[kChains512];
  for (int i = 0; i < kChains512; ++i) sums[i] = _mm512_set1_epi32(i);
  __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(2);
  for (int64_t round = 0; round < num_rounds; ++round) {
    asm volatile("" : "+v"(a), "+v"(b));
#pragma GCC unroll 16
    for (int i = 0; i < kChains512; ++i) sums[i] = _mm512_dpbusd_epi32(sums[i], a, b);
  }
  for (int i = 1; i < kChains512; ++i) sums[0] = _mm512_add_epi32(sums[0], sums[i]);
  return static_cast<uint32_t>(_mm_cvtsi128_si32(_mm512_castsi512_si128(sums[0])));
}

__attribute__((target("avx512f,avx512bf16"))) uint32_t RunAvx512BF16(int64_t num_rounds) {
  __m512 sums[kChains512];
  for (int i = 0; i < kChains512; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  __m512i a = _mm512_set1_epi16(0x3C00), b = _mm512_set1_epi16(0x3800);  // small bf16 numbers
  for (int64_t round = 0; round < num_rounds; ++round) {
    asm volatile("" : "+v"(a), "+v"(b));
#pragma GCC unroll 16
    for (int i = 0; i < kChains512; ++i) {
      sums[i] = _mm512_dpbf16_ps(sums[i], (__m512bh)a, (__m512bh)b);
    }
  }
  for (int i = 1; i < kChains512; ++i) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  return static_cast<uint32_t>(_mm512_cvtss_f32(sums[0]));
}

__attribute__((target("avx2,avxvnni"))) uint32_t RunAvxVnni(int64_t num_rounds) {
  __m256i sums[kChains256];
  for (int i = 0; i < kChains256; ++i) sums[i] = _mm256_set1_epi32(i);
  __m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(2);
  for (int64_t round = 0; round < num_rounds; ++round) {
    asm volatile("" : "+x"(a), "+x"(b));
#pragma GCC unroll 12
    for (int i = 0; i < kChains256; ++i) sums[i] = _mm256_dpbusd_avx_epi32(sums[i], a, b);
  }
  for (int i = 1; i < kChains256; ++i) sums[0] = _mm256_add_epi32(sums[0], sums[i]);
  return static_cast<uint32_t>(_mm_cvtsi128_si32(_mm256_castsi256_si128(sums[0])));
}

// Without a dot product: pairs to 16 bits, pairs of those to 32, then the sum.
__attribute__((target("avx2"))) uint32_t RunAvx2(int64_t num_rounds) {
  __m256i sums[kChains256];
  for (int i = 0; i < kChains256; ++i) sums[i] = _mm256_set1_epi32(i);
  __m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(2);
  const __m256i ones = _mm256_set1_epi16(1);
  for (int64_t round = 0; round < num_rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kChains256; ++i) {
      asm volatile("" : "+x"(a), "+x"(b));
      const __m256i pairs = _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones);
      sums[i] = _mm256_add_epi32(sums[i], pairs);
    }
  }
  for (int i = 1; i < kChains256; ++i) sums[0] = _mm256_add_epi32(sums[0], sums[i]);
  return static_cast<uint32_t>(_mm_cvtsi128_si32(_mm256_castsi256_si128(sums[0])));
}

// Palette 1: eight tiles of 16 rows by 64 bytes, the largest there are.
struct TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};
static_assert(sizeof(TileConfig) == 64);
// Not on the stack: g++ 12 believes that _tile_loadconfig reads eight bytes, and drops the rest.
constexpr TileConfig kTileConfig;

// Tiles 0 to 3 are sums, 4 and 5 their factors; all zero, which takes the same time.
#define TRINITY_TILE_ROUNDS(multiply)                    \
  _tile_loadconfig(&kTileConfig);                        \
  _tile_zero(0);                                         \
  _tile_zero(1);                                         \
  _tile_zero(2);                                         \
  _tile_zero(3);                                         \
  _tile_zero(4);                                         \
  _tile_zero(5);                                         \
  for (int64_t round = 0; round < num_rounds; ++round) { \
    multiply(0, 4, 5);                                   \
    multiply(1, 4, 5);                                   \
    multiply(2, 4, 5);                                   \
    multiply(3, 4, 5);                                   \
  }                                                      \
  _tile_release();                                       \
  return 0

__attribute__((target("amx-tile,amx-int8"))) uint32_t RunAmxInt8(int64_t num_rounds) {
  TRINITY_TILE_ROUNDS(_tile_dpbusd);
}

__attribute__((target("amx-tile,amx-bf16"))) uint32_t RunAmxBF16(int64_t num_rounds) {
  TRINITY_TILE_ROUNDS(_tile_dpbf16ps);
}
#undef TRINITY_TILE_ROUNDS

// Operations of a round: sums, times lanes of 32 bits, times products a lane, times two.
constexpr int64_t kTileOps = int64_t{4} * 16 * 16 * 16 * 2;  // of 32-bit steps of k
constexpr DotProductProbe kAvx512Vnni = {"vpdpbusd, 512 bits", kChains512 * 16 * 4 * 2,
                                         RunAvx512Vnni};
constexpr DotProductProbe kAvx512BF16 = {"vdpbf16ps, 512 bits", kChains512 * 16 * 2 * 2,
                                         RunAvx512BF16};
constexpr DotProductProbe kAvxVnni = {"vpdpbusd, 256 bits", kChains256 * 8 * 4 * 2, RunAvxVnni};
constexpr DotProductProbe kAvx2 = {"vpmaddubsw, 256 bits", kChains256 * 8 * 4 * 2, RunAvx2};
constexpr DotProductProbe kAmxInt8 = {"tdpbusd", kTileOps * 4, RunAmxInt8};
constexpr DotProductProbe kAmxBF16 = {"tdpbf16ps", kTileOps * 2, RunAmxBF16};

}  // namespace

const DotProductProbe* FindInt8Probe() {
  if (BestLevel().has_vnni) return &kAvx512Vnni;
  if (BestLevel().has_avx_vnni) return &kAvxVnni;
  const std::vector<std::string> targets = AvailableSimdTargets();
  const bool has_avx2 = std::find(targets.begin(), targets.end(), "AVX2") != targets.end();
  return has_avx2 ? &kAvx2 : nullptr;
}

const DotProductProbe* FindBF16Probe() { return BestLevel().has_bf16 ? &kAvx512BF16 : nullptr; }

const DotProductProbe* FindAmxInt8Probe() { return BestLevel().has_amx ? &kAmxInt8 : nullptr; }

const DotProductProbe* FindAmxBF16Probe() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kAmxBF16Bit = 1U << 22;
  const bool has_leaf = __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0;
  return BestLevel().has_amx && has_leaf && (edx & kAmxBF16Bit) != 0 ? &kAmxBF16 : nullptr;
}

}  // namespace trinity

#pragma GCC diagnostic pop

#elif defined(__aarch64__)

#include <arm_neon.h>

namespace trinity {
namespace {

constexpr int kChains = 16;

// As kernels/int8_neon_dot.cc does: compilers differ in how a function asks for the intrinsic.
uint32_t RunNeonDot(int64_t num_rounds) {
  int32x4_t sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = vdupq_n_s32(i);
  const int8x16_t a = vdupq_n_s8(3), b = vdupq_n_s8(2);
  for (int64_t round = 0; round < num_rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < kChains; ++i) {
      asm volatile(".arch armv8.2-a+dotprod\n\tsdot %0.4s, %1.16b, %2.16b"
                   : "+w"(sums[i])
                   : "w"(a), "w"(b));
    }
  }
  for (int i = 1; i < kChains; ++i) sums[0] = vaddq_s32(sums[0], sums[i]);
  return static_cast<uint32_t>(vgetq_lane_s32(sums[0], 0));
}

constexpr DotProductProbe kNeonDot = {"sdot", kChains * 4 * 4 * 2, RunNeonDot};

}  // namespace

const DotProductProbe* FindInt8Probe() { return BestLevel().has_neon_dot ? &kNeonDot : nullptr; }
const DotProductProbe* FindBF16Probe() { return nullptr; }
const DotProductProbe* FindAmxInt8Probe() { return nullptr; }
const DotProductProbe* FindAmxBF16Probe() { return nullptr; }

}  // namespace trinity

#else

namespace trinity {

const DotProductProbe* FindInt8Probe() { return nullptr; }
const DotProductProbe* FindBF16Probe() { return nullptr; }
const DotProductProbe* FindAmxInt8Probe() { return nullptr; }
const DotProductProbe* FindAmxBF16Probe() { return nullptr; }

}  // namespace trinity

#endif
