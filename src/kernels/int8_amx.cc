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

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,bmi,bmi2,amx-tile,amx-int8")

namespace trinity {
namespace {

// Rows of a tile register.
constexpr int64_t kTileRows = 16;

// Blocks whose dot products are computed before they are scaled: the float sums are then loaded and
// stored once for all of them.
constexpr int64_t kGroupBlocks = 4;

// Tile registers: sums 0..3 of (rows 0..15, 16..31) x (outputs 0..15, 16..31), activations 4 and 5,
// weights 6 and 7.
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

// For dot products of `cols` columns.
void ConfigureTiles(int64_t cols) {
  TileConfig config;
  for (int i = 0; i < 8; ++i) {
    const bool is_activations = i == 4 || i == 5;
    config.row_bytes[i] = static_cast<uint16_t>(is_activations ? cols : 64);
    config.rows[i] = static_cast<uint8_t>(i >= 6 ? cols / 4 : kTileRows);
  }
  // The intrinsic tells the compiler of its first bytes only.
  __asm__ volatile("" : : "r"(&config) : "memory");
  _tile_loadconfig(&config);
}

// Dot products of up to kGroupBlocks blocks: [kGroupBlocks * num_scales][2 outputs][32 rows][16].
struct alignas(64) Dots {
  int32_t values[kGroupBlocks * 2][2][2 * kTileRows][16];
};

// One run of columns that share a scale: two tiles of rows times 32 outputs.
inline void MultiplyTwo(const uint8_t* codes, const int8_t* x0, const int8_t* x1,
                        int32_t (*dots)[2 * kTileRows][16]) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(6, codes, kPlaneBytes);
  _tile_loadd(4, x0, kBlockCols);
  _tile_loadd(7, codes + 64, kPlaneBytes);
  _tile_loadd(5, x1, kBlockCols);
  _tile_dpbssd(0, 4, 6);
  _tile_dpbssd(1, 4, 7);
  _tile_dpbssd(2, 5, 6);
  _tile_dpbssd(3, 5, 7);
  _tile_stored(0, dots[0][0], 64);
  _tile_stored(1, dots[1][0], 64);
  _tile_stored(2, dots[0][kTileRows], 64);
  _tile_stored(3, dots[1][kTileRows], 64);
}

inline void MultiplyOne(const uint8_t* codes, const int8_t* x0,
                        int32_t (*dots)[2 * kTileRows][16]) {
  _tile_zero(0);
  _tile_zero(1);
  _tile_loadd(6, codes, kPlaneBytes);
  _tile_loadd(4, x0, kBlockCols);
  _tile_loadd(7, codes + 64, kPlaneBytes);
  _tile_dpbssd(0, 4, 6);
  _tile_dpbssd(1, 4, 7);
  _tile_stored(0, dots[0][0], 64);
  _tile_stored(1, dots[1][0], 64);
}

// Scales of up to kGroupBlocks blocks, and what of the rows belongs to them.
struct ScaleRun {
  const float* scales;    // [runs][32]
  const float* minimums;  // [runs][32]
  const float* x_scales;  // [blocks][kTileRows]
  const float* x_sums;    // [runs][kTileRows]
};

// Adds the scaled dot products of kRuns runs to the sums of rows [0, num_rows) of a tile.
template <int kRuns, int kScales, bool kHasMinimums>
void AddScaled(const Dots& dots, int64_t first_row, const ScaleRun& run, int64_t num_rows,
               float* accumulators) {
  for (int v = 0; v < 2; ++v) {
    __m512 scales[kRuns], minimums[kRuns];
#pragma GCC unroll 8
    for (int i = 0; i < kRuns; ++i) {
      scales[i] = _mm512_loadu_ps(run.scales + i * kPanelRows + v * 16);
      if constexpr (kHasMinimums) {
        minimums[i] = _mm512_loadu_ps(run.minimums + i * kPanelRows + v * 16);
      }
    }
    for (int64_t r = 0; r < num_rows; ++r) {
      float* to = accumulators + r * kPanelRows + v * 16;
      __m512 acc = _mm512_loadu_ps(to);
#pragma GCC unroll 8
      for (int i = 0; i < kRuns; ++i) {
        const __m512 dot = _mm512_cvtepi32_ps(_mm512_load_si512(dots.values[i][v][first_row + r]));
        const __m512 x_scale = _mm512_set1_ps(run.x_scales[i / kScales * kTileRows + r]);
        acc = _mm512_fmadd_ps(dot, _mm512_mul_ps(scales[i], x_scale), acc);
        if constexpr (kHasMinimums) {
          acc = _mm512_fmadd_ps(minimums[i], _mm512_set1_ps(run.x_sums[i * kTileRows + r]), acc);
        }
      }
      _mm512_storeu_ps(to, acc);
    }
  }
}

template <int kScales, bool kHasMinimums>
void AddScaledBlocks(int64_t num_blocks, const Dots& dots, int64_t first_row, const ScaleRun& run,
                     int64_t num_rows, float* accumulators) {
  switch (num_blocks) {
    case 4:
      return AddScaled<4 * kScales, kScales, kHasMinimums>(dots, first_row, run, num_rows,
                                                           accumulators);
    case 3:
      return AddScaled<3 * kScales, kScales, kHasMinimums>(dots, first_row, run, num_rows,
                                                           accumulators);
    case 2:
      return AddScaled<2 * kScales, kScales, kHasMinimums>(dots, first_row, run, num_rows,
                                                           accumulators);
    default:
      return AddScaled<kScales, kScales, kHasMinimums>(dots, first_row, run, num_rows,
                                                       accumulators);
  }
}

// All rows of one or two tiles, from `row` on.
template <int kScales, bool kHasMinimums>
void MultiplyTiles(const ExpandedBlocks& weights, const GatheredRows& rows, int64_t first_block,
                   int64_t row, float* accumulators) {
  constexpr int64_t kRunCols = kBlockCols / kScales;
  Dots dots;
  const int64_t tile = row / kTileRows;
  const int64_t num_rows = std::min(2 * kTileRows, rows.num_rows - row);
  const int64_t tile_blocks[2] = {tile * rows.num_blocks + first_block,
                                  (tile + 1) * rows.num_blocks + first_block};
  for (int64_t b = 0; b < weights.num_blocks; b += kGroupBlocks) {
    const int64_t num_blocks = std::min(kGroupBlocks, weights.num_blocks - b);
    for (int64_t i = 0; i < num_blocks * kScales; ++i) {
      const int64_t block = b + i / kScales, column = i % kScales * kRunCols;
      const uint8_t* codes = weights.codes + (block * kBlockCols + column) * kPanelRows;
      const int8_t* x0 = rows.codes + (tile_blocks[0] + block) * kTileRows * kBlockCols + column;
      const int8_t* x1 = rows.codes + (tile_blocks[1] + block) * kTileRows * kBlockCols + column;
      if (num_rows > kTileRows) {
        MultiplyTwo(codes, x0, x1, dots.values[i]);
      } else {
        MultiplyOne(codes, x0, dots.values[i]);
      }
    }
    for (int64_t first = 0; first < num_rows; first += kTileRows) {
      const int64_t block = tile_blocks[first / kTileRows] + b;
      const ScaleRun run = {
          weights.scales + b * kScales * kPanelRows, weights.minimums + b * kScales * kPanelRows,
          rows.scales + block * kTileRows, rows.sums + block * kScales * kTileRows};
      AddScaledBlocks<kScales, kHasMinimums>(num_blocks, dots, first, run,
                                             std::min(kTileRows, num_rows - first),
                                             accumulators + first * kPanelRows);
    }
  }
}

template <int kScales, bool kHasMinimums>
void MultiplyAllTiles(const ExpandedBlocks& weights, const GatheredRows& rows, int64_t first_block,
                      float* accumulators) {
  ConfigureTiles(kBlockCols / kScales);
  for (int64_t row = 0; row < rows.num_rows; row += 2 * kTileRows) {
    MultiplyTiles<kScales, kHasMinimums>(weights, rows, first_block, row,
                                         accumulators + row * kPanelRows);
  }
  _tile_release();
}

void Multiply(const ExpandedBlocks& weights, const GatheredRows& rows, int64_t first_block,
              float* accumulators) {
  const bool has_minimums = weights.has_minimums;
  if (weights.num_scales == 1) {
    const auto multiply = has_minimums ? MultiplyAllTiles<1, true> : MultiplyAllTiles<1, false>;
    return multiply(weights, rows, first_block, accumulators);
  }
  const auto multiply = has_minimums ? MultiplyAllTiles<2, true> : MultiplyAllTiles<2, false>;
  multiply(weights, rows, first_block, accumulators);
}

}  // namespace

Int8KernelChoice AmxInt8Kernel() { return {Multiply, kTileRows, 0}; }

}  // namespace trinity

HWY_POP_ATTRIBUTES

#endif  // __x86_64__
