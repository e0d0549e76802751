#include "kernels/int8_kernel.h"

#if defined(__x86_64__)

#if !defined(__clang__)
// GCC 12 finds its own _mm512_undefined_ps() uninitialized.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include <cstring>

#include "hwy/base.h"
#include "kernels/avx512_dot.h"
#include "kernels/block_layout.h"

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,bmi,bmi2")

namespace trinity {
namespace {

// Their sums and dot products, two vectors each of them, fit the 32 registers.
constexpr int64_t kTileRows = 6;

inline __m512i BroadcastFour(const int8_t* codes) {
  int32_t four;
  std::memcpy(&four, codes, sizeof four);
  return _mm512_set1_epi32(four);
}

// Weights are unsigned: codes plus 128, which the starts take off again.
template <int kRows, int kScales, bool kHasMinimums>
void MultiplyTile(const ExpandedBlocks& weights, const Int8Tile& tile, float* sums) {
  constexpr int kGroups = 8 / kScales;
  __m512 acc[kRows][2];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) acc[r][0] = acc[r][1] = _mm512_setzero_ps();
  const uint8_t* codes = weights.codes;
  const float* scales = weights.scales;
  const float* minimums = weights.minimums;
  const int8_t* x = tile.codes;
  const float* x_scales = tile.scales;
  const int32_t* starts = tile.starts;
  const float* x_sums = tile.sums;
  for (int64_t i = 0; i < weights.num_blocks; ++i) {
    for (int s = 0; s < kScales; ++s) {
      __m512i dots[kRows][2];
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) dots[r][0] = dots[r][1] = _mm512_set1_epi32(starts[r]);
#pragma GCC unroll 8
      for (int g = 0; g < kGroups; ++g) {
        const __m512i low = _mm512_loadu_si512(codes + g * kPlaneBytes);
        const __m512i high = _mm512_loadu_si512(codes + g * kPlaneBytes + 64);
        const int8_t* at = x + (s * kGroups + g) * 4;
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
          const __m512i four = BroadcastFour(at + r * kBlockCols);
          AddDotProducts(dots[r][0], low, four);
          AddDotProducts(dots[r][1], high, four);
        }
      }
      const __m512 scale_low = _mm512_loadu_ps(scales), scale_high = _mm512_loadu_ps(scales + 16);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const __m512 x_scale = _mm512_set1_ps(x_scales[r]);
        acc[r][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[r][0]),
                                    _mm512_mul_ps(scale_low, x_scale), acc[r][0]);
        acc[r][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[r][1]),
                                    _mm512_mul_ps(scale_high, x_scale), acc[r][1]);
        if constexpr (kHasMinimums) {
          const __m512 sum = _mm512_set1_ps(x_sums[r]);
          acc[r][0] = _mm512_fmadd_ps(_mm512_loadu_ps(minimums), sum, acc[r][0]);
          acc[r][1] = _mm512_fmadd_ps(_mm512_loadu_ps(minimums + 16), sum, acc[r][1]);
        }
      }
      codes += kGroups * kPlaneBytes;
      scales += kPanelRows;
      minimums += kPanelRows;
      starts += kTileRows;
      x_sums += kTileRows;
    }
    x += kTileRows * kBlockCols;
    x_scales += kTileRows;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    _mm512_storeu_ps(sums + r * kPanelRows, acc[r][0]);
    _mm512_storeu_ps(sums + r * kPanelRows + 16, acc[r][1]);
  }
}

template <int kRows>
void MultiplyRows(const ExpandedBlocks& weights, const Int8Tile& tile, float* sums) {
  if constexpr (kRows > 1) {
    if (tile.num_rows < kRows) return MultiplyRows<kRows - 1>(weights, tile, sums);
  }
  const bool has_minimums = weights.has_minimums;
  if (weights.num_scales == 1) {
    const auto multiply =
        has_minimums ? MultiplyTile<kRows, 1, true> : MultiplyTile<kRows, 1, false>;
    return multiply(weights, tile, sums);
  }
  const auto multiply = has_minimums ? MultiplyTile<kRows, 2, true> : MultiplyTile<kRows, 2, false>;
  multiply(weights, tile, sums);
}

}  // namespace

Int8KernelChoice Avx512VnniInt8Kernel() {
  return {MultiplyRows<kTileRows>, kTileRows, 128, nullptr, nullptr};
}

}  // namespace trinity

HWY_POP_ATTRIBUTES

#endif  // __x86_64__
