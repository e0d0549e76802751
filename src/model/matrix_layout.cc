#include "model/matrix_layout.h"

#include <algorithm>

namespace trinity {
namespace {

// Bytes of a unit of reading: large enough for the disk, small beside the model.
constexpr int64_t kUnitBytes = int64_t{2} << 20;

}  // namespace

bool MatrixSource::reads_whole_rows() const {
  constexpr int64_t kPageBytes = 4096;
  const ColumnCut whole_blocks = WholeBlocks(tensor->dtype, cols);
  return whole_blocks.count == cols.of ||
         (!tensor->is_cut() && BytesOf(tensor->dtype, whole_blocks.count) < kPageBytes);
}

int64_t MatrixSource::read_cols() const {
  return reads_whole_rows() ? cols.of : WholeBlocks(tensor->dtype, cols).count;
}

int64_t MatrixUnit::num_bytes() const {
  return BytesOf(source->tensor->dtype, num_rows * source->read_cols());
}

int64_t MatrixUnit::packed_bytes() const {
  return PackedBytes(source->packed_dtype, num_rows, source->cols.count,
                     SkippedBlocks(source->packed_dtype, source->cols.first));
}

void MatrixLayout::Add(PackedMatrix& matrix, const MatrixSource& source) {
  places_.push_back({&matrix, source, num_bytes_});
  constexpr int64_t kAlignment = 64;
  num_bytes_ +=
      (matrix.num_panels() * matrix.panel_bytes() + kAlignment - 1) / kAlignment * kAlignment;
}

void MatrixLayout::SetMemory(const std::byte* memory) const {
  for (const Place& place : places_) {
    place.matrix->data = memory == nullptr ? nullptr : memory + place.offset;
  }
}

void MatrixLayout::AppendUnits(std::vector<MatrixUnit>& units) const {
  for (const Place& place : places_) {
    const MatrixSource& source = place.source;
    const int64_t panel_bytes = place.matrix->panel_bytes();
    const int64_t most_panel_bytes = std::max(
        {int64_t{1}, panel_bytes, BytesOf(source.packed_dtype, source.read_cols() * kPanelRows)});
    const int64_t unit_rows = std::max<int64_t>(1, kUnitBytes / most_panel_bytes) * kPanelRows;
    const int64_t num_rows = source.rows.size();
    for (int64_t row = 0; row < num_rows; row += unit_rows) {
      units.push_back({&source, source.rows.begin + row, std::min(unit_rows, num_rows - row),
                       place.offset + row / kPanelRows * panel_bytes});
    }
  }
}

}  // namespace trinity
