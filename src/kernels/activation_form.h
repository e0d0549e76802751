#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/dtype.h"

namespace trinity {

// What the products of a matrix are computed in. kAuto picks by the matrix and the CPU.
enum class ComputeMode : uint8_t { kF32, kBF16, kInt8, kAuto };

// What a row of activations is rounded to before it meets a matrix.
enum class ActivationForm : uint8_t {
  kFloat32,   // as it is
  kBFloat16,  // each value to nearest even
  kInt8,      // blocks of 32 with a scale of their own
};

// The form that `mode` means for a matrix of this dtype. Int8 is for block formats, BF16 for BF16
// matrices; where a mode does not apply, the matrix is computed in float32. kAuto is int8 for block
// formats, and BF16 for BF16 matrices where the active SIMD target gains by it.
ActivationForm FormFor(ComputeMode mode, DType matrix_dtype);

// A prepared row of `cols` values:
//
// - kFloat32: float [cols]
// - kBFloat16: uint16 [cols]
// - kInt8: int8 codes [cols], float scales [cols / 32], int32 sums [cols / 16] of the codes of each
//   16 columns; scale = max|x| / 127, code = x * (127 / max|x|) to nearest even. NaN in a block
//   makes its scale NaN. cols is a multiple of 32.
//
// Bytes of a prepared row, a multiple of 64.
int64_t PreparedRowBytes(ActivationForm form, int64_t cols);

// Writes a prepared row, aligned to 4 bytes; `row` may have any alignment.
void PrepareRow(ActivationForm form, const float* row, int64_t cols, std::byte* out);

struct ColumnRange {
  int64_t first;
  int64_t count;
};

// Writes what of a prepared row belongs to some columns: whole blocks of 32, or up to the end of
// the row. Several threads may prepare columns of one row.
void PrepareRowColumns(ActivationForm form, const float* row, int64_t cols, ColumnRange columns,
                       std::byte* out);

// Where the parts of an int8 row stand.
struct Int8Row {
  Int8Row(const std::byte* row, int64_t cols)
      : codes(reinterpret_cast<const int8_t*>(row)),
        scales(reinterpret_cast<const float*>(row + cols)),
        sums(reinterpret_cast<const int32_t*>(row + cols + cols / 8)) {}

  const int8_t* codes;
  const float* scales;
  const int32_t* sums;
};

}  // namespace trinity
