#pragma once

#include <cstdint>

namespace trinity {

// Products of bfloat16 matrices in the tile registers of AMX.
//
// The order of a sum: for each 32 terms, the even ones by fused multiply-adds from 0, the odd ones
// likewise; then sum + (even + odd). Subnormal inputs and results count as 0. A sum does not depend
// on how many rows and columns are computed beside it.

// Whether the active SIMD level has them.
bool HasBF16Tiles();

// Rounds rows [num_rows, num_cols] of float32, `stride` floats apart, to bfloat16 (nearest even)
// and puts rows 2 i and 2 i + 1 side by side: [num_rows / 2, num_cols, 2]. num_rows is even,
// num_cols a multiple of 16.
void PackBF16Pairs(const float* rows, int64_t stride, int64_t num_rows, int64_t num_cols,
                   uint16_t* out);

// Rounds `size` floats, a multiple of 16.
void RoundToBF16Row(const float* from, int64_t size, uint16_t* to);

struct BF16Product {
  const uint16_t* rows;  // [num_rows, depth], `row_stride` apart
  int64_t row_stride;
  int64_t num_rows;
  const uint16_t* pairs;  // [depth / 2, num_cols, 2]
  int64_t depth;          // a multiple of 32
  int64_t num_cols;       // a multiple of 32
  float* sums;            // [num_rows, num_cols], `sum_stride` apart: added to
  int64_t sum_stride;
};

void AddBF16Product(const BF16Product& product);

}  // namespace trinity
