#pragma once

#include <cstddef>
#include <cstdint>

namespace trinity {

// Products of bfloat16 matrices in the tile registers of AMX, of which one comes from the KV cache
// in the dtype that it has there.
//
// The order of a sum: for each 32 terms, the even ones by fused multiply-adds from 0, the odd ones
// likewise; then sum + (even + odd). Subnormal inputs and results count as 0. A sum does not depend
// on how many rows and columns are computed beside it.

// Whether the active SIMD level has them.
bool HasBF16Tiles();

// Rounds `size` floats to nearest even, a multiple of 16.
void RoundToBF16Row(const float* from, int64_t size, uint16_t* to);

inline constexpr int64_t kMostTileRows = 48;

// Rows that are read and written for `num_rows`: up to 16 exactly those, else whole registers.
constexpr int64_t PaddedTileRows(int64_t num_rows) {
  return num_rows <= 16 ? num_rows : (num_rows + 15) / 16 * 16;
}

// While one lives, the registers of this thread are set up for products of so many rows.
class TileRegisters {
 public:
  explicit TileRegisters(int64_t num_rows);
  ~TileRegisters();
  TileRegisters(const TileRegisters&) = delete;
  TileRegisters& operator=(const TileRegisters&) = delete;
};

// sums [num_rows, num_cols] += rows [num_rows, depth] x another matrix [depth, num_cols].
struct TileProduct {
  int64_t num_rows;      // at most kMostTileRows; there is memory for the padded ones
  const uint16_t* rows;  // bfloat16, `row_stride` apart
  int64_t row_stride;
  int64_t depth;     // a multiple of 32
  int64_t num_cols;  // a multiple of 32
  float* sums;       // `sum_stride` apart
  int64_t sum_stride;
};

// The other matrix as plain numbers, `stride` apart, rounded to nearest even.
void AddTileProduct(const TileProduct& product, const float* factors, int64_t stride);
void AddTileProductOfF16(const TileProduct& product, const uint16_t* factors, int64_t stride);
void AddTileProductOfBF16(const TileProduct& product, const uint16_t* factors, int64_t stride);

// As Q8_0, laid out as kernels/kv_unpack.h says: the keys of a chunk, whose positions are the
// columns; and positions of a slice of values, whose dimensions are the columns.
void AddTileProductOfQ8Keys(const TileProduct& product, const std::byte* keys);
struct Q8Values {
  const int8_t* codes;  // of the first position, num_cols apart
  const float* scales;  // [num_cols / 32][kKvPageTokens], from the first position on
};
void AddTileProductOfQ8Values(const TileProduct& product, const Q8Values& values);

}  // namespace trinity
