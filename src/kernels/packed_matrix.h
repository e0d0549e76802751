#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"

namespace trinity {

// Output rows that stand side by side in a panel.
inline constexpr int64_t kPanelRows = 32;

// A weight matrix W [rows, cols] as the kernels read it, not owned. Rows are interleaved in panels
// of kPanelRows: element (row, col) stands at index (row / 32 * cols + col) * 32 + row % 32. A
// vector of weights then feeds as many outputs and nothing is summed across lanes, so that an
// output is the same sum in the same order whether one row of activations comes along or a
// thousand. Rows missing in the last panel are zero. dtype is F32, F16 or BF16.
struct PackedMatrix {
  const std::byte* data = nullptr;
  DType dtype = DType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;

  int64_t num_panels() const { return (rows + kPanelRows - 1) / kPanelRows; }
  int64_t panel_bytes() const { return BytesOf(dtype, kPanelRows * cols); }
};

// Bytes of the packed form of a [rows, cols] matrix.
int64_t PackedBytes(DType dtype, int64_t rows, int64_t cols);

// Packs `num_rows` rows [num_rows, cols], row after row in `source`, into whole panels at `panels`.
// A permutation: the values keep their dtype and bits. `source` need not be aligned.
void PackRows(const std::byte* source, DType dtype, int64_t num_rows, int64_t cols,
              std::byte* panels);

// Writes row `row` of `matrix` as float32 to out [cols].
void UnpackRow(const PackedMatrix& matrix, int64_t row, float* out);

}  // namespace trinity
