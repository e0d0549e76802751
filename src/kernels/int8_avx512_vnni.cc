#include "kernels/int8_kernel.h"

#if defined(__x86_64__)

#if !defined(__clang__)
// GCC 12 finds its own _mm512_undefined_ps() uninitialized.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <algorithm>
#include <cstring>

#include "hwy/base.h"
#include "kernels/block_layout.h"

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,avx2,fma,bmi,bmi2")

namespace trinity {
namespace {

// Their sums and dot products, two vectors each of them, fit the 32 registers.
constexpr int64_t kTileRows = 6;

// A tile of rows from one of its blocks on.
struct TileRows {
  const int8_t* codes;    // [blocks][kTileRows][32]
  const float* scales;    // [blocks][kTileRows]
  const int32_t* starts;  // [blocks][num_scales][kTileRows]
  const float* sums;      // the same
};

inline __m512i BroadcastFour(const int8_t* codes) {
  int32_t four;
  std::memcpy(&four, codes, sizeof four);
  return _mm512_set1_epi32(four);
}

// Weights are unsigned: codes plus 128, which `starts` takes off again.
template <int kRows, int kScales, bool kHasMinimums>
void MultiplyTile(const ExpandedBlocks& weights, TileRows x, float* accumulators) {
  constexpr int kGroups = 8 / kScales;
  __m512 acc[kRows][2];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    acc[r][0] = _mm512_loadu_ps(accumulators + r * kPanelRows);
    acc[r][1] = _mm512_loadu_ps(accumulators + r * kPanelRows + 16);
  }
  const uint8_t* codes = weights.codes;
  const float* scales = weights.scales;
  const float* minimums = weights.minimums;
  for (int64_t i = 0; i < weights.num_blocks; ++i) {
    for (int s = 0; s < kScales; ++s) {
      __m512i dots[kRows][2];
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) dots[r][0] = dots[r][1] = _mm512_set1_epi32(x.starts[r]);
      for (int g = 0; g < kGroups; ++g, codes += kPlaneBytes) {
        const __m512i low = _mm512_loadu_si512(codes);
        const __m512i high = _mm512_loadu_si512(codes + 64);
        const int8_t* at = x.codes + (s * kGroups + g) * 4;
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
          const __m512i four = BroadcastFour(at + r * kBlockCols);
          dots[r][0] = _mm512_dpbusd_epi32(dots[r][0], low, four);
          dots[r][1] = _mm512_dpbusd_epi32(dots[r][1], high, four);
        }
      }
      const __m512 scale_low = _mm512_loadu_ps(scales), scale_high = _mm512_loadu_ps(scales + 16);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const __m512 x_scale = _mm512_set1_ps(x.scales[r]);
        acc[r][0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[r][0]),
                                    _mm512_mul_ps(scale_low, x_scale), acc[r][0]);
        acc[r][1] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dots[r][1]),
                                    _mm512_mul_ps(scale_high, x_scale), acc[r][1]);
        if constexpr (kHasMinimums) {
          const __m512 sum = _mm512_set1_ps(x.sums[r]);
          acc[r][0] = _mm512_fmadd_ps(_mm512_loadu_ps(minimums), sum, acc[r][0]);
          acc[r][1] = _mm512_fmadd_ps(_mm512_loadu_ps(minimums + 16), sum, acc[r][1]);
        }
      }
      scales += kPanelRows;
      minimums += kPanelRows;
      x.starts += kTileRows;
      x.sums += kTileRows;
    }
    x.codes += kTileRows * kBlockCols;
    x.scales += kTileRows;
  }
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    _mm512_storeu_ps(accumulators + r * kPanelRows, acc[r][0]);
    _mm512_storeu_ps(accumulators + r * kPanelRows + 16, acc[r][1]);
  }
}

template <int kRows>
void MultiplyRows(int64_t num_rows, const ExpandedBlocks& weights, const TileRows& x,
                  float* accumulators) {
  if constexpr (kRows > 1) {
    if (num_rows < kRows) return MultiplyRows<kRows - 1>(num_rows, weights, x, accumulators);
  }
  const bool has_minimums = weights.has_minimums;
  if (weights.num_scales == 1) {
    const auto multiply =
        has_minimums ? MultiplyTile<kRows, 1, true> : MultiplyTile<kRows, 1, false>;
    return multiply(weights, x, accumulators);
  }
  const auto multiply = has_minimums ? MultiplyTile<kRows, 2, true> : MultiplyTile<kRows, 2, false>;
  multiply(weights, x, accumulators);
}

void Multiply(const ExpandedBlocks& weights, const GatheredRows& rows, int64_t first_block,
              float* accumulators) {
  for (int64_t row = 0; row < rows.num_rows; row += kTileRows) {
    const int64_t block = row / kTileRows * rows.num_blocks + first_block;
    const TileRows x = {rows.codes + block * kTileRows * kBlockCols,
                        rows.scales + block * kTileRows,
                        rows.starts + block * rows.num_scales * kTileRows,
                        rows.sums + block * rows.num_scales * kTileRows};
    MultiplyRows<kTileRows>(std::min(kTileRows, rows.num_rows - row), weights, x,
                            accumulators + row * kPanelRows);
  }
}

}  // namespace

Int8KernelChoice Avx512VnniInt8Kernel() { return {Multiply, kTileRows, 128}; }

}  // namespace trinity

HWY_POP_ATTRIBUTES

#endif  // __x86_64__
