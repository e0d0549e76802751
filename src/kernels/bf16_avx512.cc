#include "kernels/bf16_kernel.h"

#if defined(__x86_64__)

#if !defined(__clang__)
// GCC 12 finds its own _mm512_undefined_ps() uninitialized.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "hwy/base.h"

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx2,fma,bmi,bmi2")

namespace trinity {
namespace {

// Their sums, two vectors each, fit the 32 registers beside two of weights and a broadcast.
constexpr int64_t kTileRows = 12;

// Bytes ahead of their use that weights are fetched.
constexpr int64_t kPrefetchBytes = 2048;

// Adds the products of 16 rows' pairs and a pair that all lanes share. GCC 12 copies the sums
// before and after each use of the intrinsic.
inline void AddPairProducts(__m512& sums, __m512i pairs, __m512i shared_pair) {
  __asm__("vdpbf16ps %2, %1, %0" : "+v"(sums) : "v"(pairs), "v"(shared_pair));
}

template <int kRows>
void MultiplyTile(const std::byte* panel, int64_t cols, const Bf16Tile& tile, float* sums) {
  __m512 acc[kRows][2];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) acc[r][0] = acc[r][1] = _mm512_setzero_ps();
  const uint16_t* block = tile.rows;
  for (int64_t col = 0; col < cols; col += kBf16BlockCols) {
    const int64_t end = std::min(kBf16BlockCols, cols - col);
    for (int64_t k = 0; k < end; k += 2, panel += kPanelRows * 4) {
      _mm_prefetch(reinterpret_cast<const char*>(panel + kPrefetchBytes), _MM_HINT_T0);
      _mm_prefetch(reinterpret_cast<const char*>(panel + kPrefetchBytes + 64), _MM_HINT_T0);
      const __m512i low = _mm512_loadu_si512(panel);
      const __m512i high = _mm512_loadu_si512(panel + 64);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        int32_t pair;
        std::memcpy(&pair, block + r * kBf16BlockCols + k, sizeof pair);
        const __m512i shared_pair = _mm512_set1_epi32(pair);
        AddPairProducts(acc[r][0], low, shared_pair);
        AddPairProducts(acc[r][1], high, shared_pair);
      }
    }
    block += kTileRows * kBf16BlockCols;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    _mm512_storeu_ps(sums + r * kPanelRows, acc[r][0]);
    _mm512_storeu_ps(sums + r * kPanelRows + 16, acc[r][1]);
  }
}

template <int kRows>
void MultiplyRows(const std::byte* panel, int64_t cols, const Bf16Tile& tile, float* sums) {
  if constexpr (kRows > 1) {
    if (tile.num_rows < kRows) return MultiplyRows<kRows - 1>(panel, cols, tile, sums);
  }
  MultiplyTile<kRows>(panel, cols, tile, sums);
}

}  // namespace

Bf16KernelChoice Avx512Bf16Kernel() {
  return {MultiplyRows<kTileRows>, kTileRows, nullptr, nullptr};
}

}  // namespace trinity

HWY_POP_ATTRIBUTES

#endif  // __x86_64__
