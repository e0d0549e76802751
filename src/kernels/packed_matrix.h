#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"
#include "kernels/activation_form.h"

namespace trinity {

// Output rows that stand side by side in a panel.
inline constexpr int64_t kPanelRows = 32;

// Bytes of a panel of `cols` columns.
int64_t PanelBytes(DType dtype, int64_t cols, int64_t skipped_blocks = 0);

// A weight matrix W [rows, cols] as the kernels read it, not owned. Rows are interleaved in panels
// of kPanelRows. A vector of weights then feeds as many outputs and nothing is summed across lanes,
// so that an output is the same sum in the same order whether one row of activations comes along or
// a thousand. Rows missing in the last panel are zero. Within a panel, element (row, col) stands
//
// - F32 and F16: at index col * 32 + row % 32
// - BF16: at index (col / 2 * 32 + row % 32) * 2 + col % 2, so that a 32-bit lane holds two columns
//   of a row; a column missing in the last pair is zero
// - block formats: as kernels/block_layout.h says; cols is a multiple of their block_values, or of
//   32 where the matrix holds a cut of the columns of a larger one.
struct PackedMatrix {
  const std::byte* data = nullptr;
  DType dtype = DType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  ActivationForm form = ActivationForm::kFloat32;  // of the rows that its owner multiplies it with
  // Of a cut that begins within a block of 256 values: its blocks of 32 columns before the cut.
  int64_t skipped_blocks = 0;

  int64_t num_panels() const { return (rows + kPanelRows - 1) / kPanelRows; }
  int64_t panel_bytes() const { return PanelBytes(dtype, cols, skipped_blocks); }
  const std::byte* Panel(int64_t index) const { return data + index * panel_bytes(); }
};

// Tells the CPU that a panel will be read soon. Its own prefetching begins only once a stream is
// being read, so that each stream would begin with the time that memory takes to answer.
inline void FetchAhead(const PackedMatrix& matrix, int64_t panel) {
  if (matrix.data == nullptr) return;
  constexpr int64_t kBytes = 2048, kLine = 64;
  const std::byte* begin = matrix.Panel(panel);
  for (int64_t line = 0; line < kBytes; line += kLine) __builtin_prefetch(begin + line);
}

// Whether matrices of this dtype can be packed and multiplied: F32, F16, BF16 and block formats.
bool IsMatrixDType(DType dtype);

// Bytes of the packed form of a [rows, cols] matrix.
int64_t PackedBytes(DType dtype, int64_t rows, int64_t cols, int64_t skipped_blocks = 0);

// Packs `num_rows` rows [num_rows, cols], row after row in `source`, into whole panels at `panels`.
// A permutation: the values keep their dtype and bits. `source` need not be aligned.
void PackRows(const std::byte* source, DType dtype, int64_t num_rows, int64_t cols,
              std::byte* panels);

// Columns [first, first + count) of rows of `of` columns. Both ends are multiples of 32 for block
// formats; `of` is a multiple of their block_values.
struct ColumnCut {
  int64_t first;
  int64_t count;
  int64_t of;
};

// The columns around a cut that are whole blocks of a file.
ColumnCut WholeBlocks(DType dtype, const ColumnCut& cut);

// PackedMatrix::skipped_blocks of such a cut.
int64_t SkippedBlocks(DType dtype, int64_t first_col);

// As PackRows, of a cut of the columns of `source` [num_rows, cut.of].
void PackColumns(const std::byte* source, DType dtype, int64_t num_rows, const ColumnCut& cut,
                 std::byte* panels);

// Writes row `row` of `matrix` as float32 to out [cols]: to the bit what DequantizeRow gives.
void UnpackRow(const PackedMatrix& matrix, int64_t row, float* out);

}  // namespace trinity
