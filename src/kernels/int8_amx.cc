#include "kernels/int8_kernel.h"

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
#include "kernels/amx_tiles.h"
#include "kernels/block_layout.h"

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,bmi,bmi2,amx-tile,amx-int8")

namespace trinity {
namespace {

// Rows of a tile register, and of what the kernel takes at a time.
constexpr int64_t kRegisterRows = 16;
constexpr int64_t kTileRows = 2 * kRegisterRows;
// Tile registers: sums 0..3 of (rows 0..15, 16..31) x (outputs 0..15, 16..31), activations 4 and 5,
// weights 6 and 7.
void Begin(int64_t num_scales) {
  const int64_t run_cols = kBlockCols / num_scales;
  AmxTileShapes shapes;
  for (int i = 0; i < 8; ++i) {
    const bool is_activations = i == 4 || i == 5;
    shapes.row_bytes[i] = static_cast<uint16_t>(is_activations ? run_cols : 64);
    shapes.rows[i] = static_cast<uint8_t>(i >= 6 ? run_cols / 4 : kRegisterRows);
  }
  ConfigureAmxTiles(shapes);
}

void End() { _tile_release(); }

// Dot products of two runs of columns that share a scale.
struct alignas(64) Dots {
  int32_t values[2][kTileRows][kPanelRows];
};

// Starts the dot products of a run: one or two tiles of rows times 32 outputs.
template <bool kTwoRegisters>
inline void StartDots(const uint8_t* codes, const int8_t* x0, const int8_t* x1) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_loadd(6, codes, kPlaneBytes);
  _tile_loadd(4, x0, kBlockCols);
  _tile_dpbssd(0, 4, 6);
  _tile_loadd(7, codes + 64, kPlaneBytes);
  _tile_dpbssd(1, 4, 7);
  if constexpr (kTwoRegisters) {
    _tile_zero(2);
    _tile_zero(3);
    _tile_loadd(5, x1, kBlockCols);
    _tile_dpbssd(2, 5, 6);
    _tile_dpbssd(3, 5, 7);
  }
}

template <bool kTwoRegisters>
inline void StoreDots(int32_t (*dots)[kPanelRows]) {
  constexpr int64_t kRowBytes = kPanelRows * 4;
  _tile_stored(0, dots[0], kRowBytes);
  _tile_stored(1, dots[0] + 16, kRowBytes);
  if constexpr (kTwoRegisters) {
    _tile_stored(2, dots[kRegisterRows], kRowBytes);
    _tile_stored(3, dots[kRegisterRows] + 16, kRowBytes);
  }
}

// The scales of a group of runs, and what of a tile of rows belongs to them.
struct Scales {
  const float* scales;    // [runs][32]
  const float* minimums;  // [runs][32]
  const float* x_scales;  // [blocks][kTileRows]
  const float* x_sums;    // [runs][kTileRows]
};

// Adds the scaled dot products of kRuns runs to the sums of rows [0, num_rows) of a tile.
template <int kRuns, int kScales, bool kHasMinimums>
inline void AddScaled(const Dots& dots, int64_t first_row, const Scales& from, int64_t num_rows,
                      float* accumulators) {
  __m512 scales[kRuns][2], minimums[kRuns][2];
#pragma GCC unroll 2
  for (int i = 0; i < kRuns; ++i) {
#pragma GCC unroll 2
    for (int v = 0; v < 2; ++v) {
      scales[i][v] = _mm512_loadu_ps(from.scales + i * kPanelRows + v * 16);
      if constexpr (kHasMinimums) {
        minimums[i][v] = _mm512_loadu_ps(from.minimums + i * kPanelRows + v * 16);
      }
    }
  }
  for (int64_t r = 0; r < num_rows; ++r) {
    float* to = accumulators + r * kPanelRows;
    __m512 acc[2] = {_mm512_loadu_ps(to), _mm512_loadu_ps(to + 16)};
#pragma GCC unroll 2
    for (int i = 0; i < kRuns; ++i) {
      const __m512 x_scale = _mm512_set1_ps(from.x_scales[i / kScales * kTileRows + r]);
#pragma GCC unroll 2
      for (int v = 0; v < 2; ++v) {
        const __m512i dot = _mm512_load_si512(dots.values[i][first_row + r] + v * 16);
        acc[v] =
            _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), _mm512_mul_ps(scales[i][v], x_scale), acc[v]);
        if constexpr (kHasMinimums) {
          acc[v] = _mm512_fmadd_ps(minimums[i][v], _mm512_set1_ps(from.x_sums[i * kTileRows + r]),
                                   acc[v]);
        }
      }
    }
    _mm512_storeu_ps(to, acc[0]);
    _mm512_storeu_ps(to + 16, acc[1]);
  }
}

// A tile of which one or two registers' rows count. While the tile unit computes the dot products
// of two runs, those of the two before are scaled and added.
template <int kScales, bool kHasMinimums, bool kTwoRegisters>
void MultiplyTile(const ExpandedBlocks& weights, const Int8Tile& tile, float* sums) {
  constexpr int64_t kRunCols = kBlockCols / kScales;
  const int64_t num_runs = weights.num_blocks * kScales;
  const auto start = [&](int64_t run) {
    const int64_t block = run / kScales, col = run % kScales * kRunCols;
    const int8_t* x = tile.codes + block * kTileRows * kBlockCols + col;
    StartDots<kTwoRegisters>(weights.codes + run * kRunCols * kPanelRows, x,
                             x + kRegisterRows * kBlockCols);
  };
  const auto add = [&](const Dots& dots, int64_t run, int64_t first) {
    const Scales scales = {weights.scales + run * kPanelRows, weights.minimums + run * kPanelRows,
                           tile.scales + run / kScales * kTileRows + first,
                           tile.sums + run * kTileRows + first};
    const int64_t count = std::min(kRegisterRows, tile.num_rows - first);
    float* to = sums + first * kPanelRows;
    if (run + 1 < num_runs) {
      AddScaled<2, kScales, kHasMinimums>(dots, first, scales, count, to);
    } else {
      AddScaled<1, kScales, kHasMinimums>(dots, first, scales, count, to);
    }
  };
  std::memset(sums, 0, static_cast<size_t>(tile.num_rows * kPanelRows) * sizeof(float));
  Dots dots[2];
  for (int64_t run = 0; run < std::min<int64_t>(2, num_runs); ++run) {
    start(run);
    StoreDots<kTwoRegisters>(dots[0].values[run]);
  }
  for (int64_t run = 0; run < num_runs; run += 2) {
    const Dots& done = dots[run / 2 % 2];
    Dots& next = dots[(run / 2 + 1) % 2];
    for (int64_t i = 0; i < 2; ++i) {
      const bool has_next = run + 2 + i < num_runs;
      if (has_next) start(run + 2 + i);
      if (i == 0 || kTwoRegisters) add(done, run, i * kRegisterRows);
      if (has_next) StoreDots<kTwoRegisters>(next.values[i]);
    }
  }
}

template <int kScales, bool kHasMinimums>
void MultiplyRows(const ExpandedBlocks& weights, const Int8Tile& tile, float* sums) {
  const auto multiply = tile.num_rows > kRegisterRows ? MultiplyTile<kScales, kHasMinimums, true>
                                                      : MultiplyTile<kScales, kHasMinimums, false>;
  multiply(weights, tile, sums);
}

void Multiply(const ExpandedBlocks& weights, const Int8Tile& tile, float* sums) {
  const bool has_minimums = weights.has_minimums;
  if (weights.num_scales == 1) {
    const auto multiply = has_minimums ? MultiplyRows<1, true> : MultiplyRows<1, false>;
    return multiply(weights, tile, sums);
  }
  const auto multiply = has_minimums ? MultiplyRows<2, true> : MultiplyRows<2, false>;
  multiply(weights, tile, sums);
}

}  // namespace

Int8KernelChoice AmxInt8Kernel() { return {Multiply, kTileRows, 0, Begin, End}; }

}  // namespace trinity

HWY_POP_ATTRIBUTES

#endif  // __x86_64__
