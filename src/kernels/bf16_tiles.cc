#include "kernels/bf16_tiles.h"

#include "base/check.h"
#include "kernels/cpu_level.h"

#if defined(__x86_64__)

#if !defined(__clang__)
// GCC 12 finds its own _mm512_undefined_epi32() uninitialized.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <algorithm>

#include "hwy/base.h"
#include "kernels/amx_tiles.h"

HWY_PUSH_ATTRIBUTES("avx512f,avx512bw,avx512vl,avx512dq,avx2,fma,bmi,bmi2,amx-tile,amx-bf16")

namespace trinity {
namespace {

constexpr int64_t kTileRows = 16;
constexpr int64_t kTileCols = 16;
constexpr int64_t kTileDepth = 32;

// Tile registers: sums 0..3 of (rows 0..15, 16..31) x (columns 0..15, 16..31), rows 4 and 5, pairs
// 6 and 7.
//
// For `first` rows in the upper tiles and `second` in the lower ones.
void ConfigureTiles(int64_t first, int64_t second) {
  AmxTileShapes shapes;
  for (int i = 0; i < 8; ++i) {
    const bool is_lower = i == 2 || i == 3 || i == 5;
    shapes.row_bytes[i] = 64;
    shapes.rows[i] = static_cast<uint8_t>(i >= 6 ? kTileDepth / 2 : is_lower ? second : first);
  }
  ConfigureAmxTiles(shapes);
}

// 16 floats to bfloat16 in the upper halves of lanes. NaN stays NaN.
inline __m512i RoundUpper(__m512 value) {
  const __m512i bits = _mm512_castps_si512(value);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7FFF)));
  const __mmask16 is_nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
  return _mm512_mask_or_epi32(rounded, is_nan, bits, _mm512_set1_epi32(0x400000));
}

// Two rows of tiles times two columns of tiles.
void AddFourTiles(const BF16Product& p, int64_t row, int64_t col) {
  const int64_t sum_bytes = p.sum_stride * 4, row_bytes = p.row_stride * 2;
  const int64_t pair_bytes = p.num_cols * 4;
  float* sums = p.sums + row * p.sum_stride + col;
  float* lower_sums = sums + kTileRows * p.sum_stride;
  _tile_loadd(0, sums, sum_bytes);
  _tile_loadd(1, sums + kTileCols, sum_bytes);
  _tile_loadd(2, lower_sums, sum_bytes);
  _tile_loadd(3, lower_sums + kTileCols, sum_bytes);
  for (int64_t k = 0; k < p.depth; k += kTileDepth) {
    const uint16_t* rows = p.rows + row * p.row_stride + k;
    const uint16_t* pairs = p.pairs + (k / 2 * p.num_cols + col) * 2;
    _tile_loadd(4, rows, row_bytes);
    _tile_loadd(6, pairs, pair_bytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, pairs + 2 * kTileCols, pair_bytes);
    _tile_dpbf16ps(1, 4, 7);
    _tile_loadd(5, rows + kTileRows * p.row_stride, row_bytes);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, sums, sum_bytes);
  _tile_stored(1, sums + kTileCols, sum_bytes);
  _tile_stored(2, lower_sums, sum_bytes);
  _tile_stored(3, lower_sums + kTileCols, sum_bytes);
}

// One row of tiles times two columns of tiles.
void AddTwoTiles(const BF16Product& p, int64_t row, int64_t col) {
  const int64_t sum_bytes = p.sum_stride * 4, row_bytes = p.row_stride * 2;
  const int64_t pair_bytes = p.num_cols * 4;
  float* sums = p.sums + row * p.sum_stride + col;
  _tile_loadd(0, sums, sum_bytes);
  _tile_loadd(1, sums + kTileCols, sum_bytes);
  for (int64_t k = 0; k < p.depth; k += kTileDepth) {
    const uint16_t* pairs = p.pairs + (k / 2 * p.num_cols + col) * 2;
    _tile_loadd(4, p.rows + row * p.row_stride + k, row_bytes);
    _tile_loadd(6, pairs, pair_bytes);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, pairs + 2 * kTileCols, pair_bytes);
    _tile_dpbf16ps(1, 4, 7);
  }
  _tile_stored(0, sums, sum_bytes);
  _tile_stored(1, sums + kTileCols, sum_bytes);
}

}  // namespace

bool HasBF16Tiles() { return ActiveCpuLevel().has_amx_bf16; }

void PackBF16Pairs(const float* rows, int64_t stride, int64_t num_rows, int64_t num_cols,
                   uint16_t* out) {
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xFFFF0000U));
  for (int64_t row = 0; row < num_rows; row += 2) {
    const float* even = rows + row * stride;
    const float* odd = even + stride;
    for (int64_t col = 0; col < num_cols; col += 16, out += 32) {
      const __m512i low = _mm512_srli_epi32(RoundUpper(_mm512_loadu_ps(even + col)), 16);
      const __m512i high = RoundUpper(_mm512_loadu_ps(odd + col));
      // low | (high & upper)
      _mm512_storeu_si512(out, _mm512_ternarylogic_epi32(low, high, upper, 0xF8));
    }
  }
}

void RoundToBF16Row(const float* from, int64_t size, uint16_t* to) {
  for (int64_t i = 0; i < size; i += 16) {
    const __m512i lanes = _mm512_srli_epi32(RoundUpper(_mm512_loadu_ps(from + i)), 16);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + i), _mm512_cvtepi32_epi16(lanes));
  }
}

void AddBF16Product(const BF16Product& p) {
  TRINITY_CHECK(p.depth % kTileDepth == 0 && p.num_cols % (2 * kTileCols) == 0);
  const int64_t rows_in_pairs = p.num_rows / (2 * kTileRows) * (2 * kTileRows);
  ConfigureTiles(kTileRows, kTileRows);
  for (int64_t row = 0; row < rows_in_pairs; row += 2 * kTileRows) {
    for (int64_t col = 0; col < p.num_cols; col += 2 * kTileCols) AddFourTiles(p, row, col);
  }
  for (int64_t row = rows_in_pairs; row < p.num_rows; row += kTileRows) {
    if (p.num_rows - row < kTileRows) ConfigureTiles(p.num_rows - row, 1);
    for (int64_t col = 0; col < p.num_cols; col += 2 * kTileCols) AddTwoTiles(p, row, col);
  }
  _tile_release();
}

}  // namespace trinity

HWY_POP_ATTRIBUTES

#else

namespace trinity {

bool HasBF16Tiles() { return false; }
void PackBF16Pairs(const float*, int64_t, int64_t, int64_t, uint16_t*) { TRINITY_CHECK(false); }
void RoundToBF16Row(const float*, int64_t, uint16_t*) { TRINITY_CHECK(false); }
void AddBF16Product(const BF16Product&) { TRINITY_CHECK(false); }

}  // namespace trinity

#endif  // __x86_64__
