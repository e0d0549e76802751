#include "model/matrix_reader.h"

#include <cstring>

namespace trinity {
namespace {

// Of each four bytes the upper two, side by side.
void KeepUpperHalves(std::span<std::byte> bytes) {
  for (size_t i = 0; i * 4 < bytes.size(); ++i) {
    std::memmove(bytes.data() + i * 2, bytes.data() + i * 4 + 2, 2);
  }
}

// Where the rows of a unit stand in their tensor, whole rows.
IndexRange BytesIn(const MatrixUnit& unit) {
  const int64_t row_bytes = BytesOf(unit.source->tensor->dtype, unit.source->cols.of);
  return {unit.first_row * row_bytes, (unit.first_row + unit.num_rows) * row_bytes};
}

}  // namespace

MatrixReader::MatrixReader(const Checkpoint& checkpoint, PageCache page_cache, int num_threads)
    : checkpoint_(checkpoint), page_cache_(page_cache), buffers_(static_cast<size_t>(num_threads)) {
  if (page_cache == PageCache::kMayKeep) return;
  for (const File& file : checkpoint.files()) direct_files_.emplace_back(file);
}

void MatrixReader::Read(const MatrixUnit& unit, int thread, std::byte* memory) {
  const Rows rows = ReadRows(unit, buffers_[static_cast<size_t>(thread)]);
  const DType dtype = unit.source->packed_dtype;
  if (dtype != unit.source->tensor->dtype) KeepUpperHalves(rows.bytes);
  PackColumns(rows.bytes.data(), dtype, unit.num_rows, rows.cols, memory + unit.destination);
}

MatrixReader::Rows MatrixReader::ReadRows(const MatrixUnit& unit, MemoryBlock& buffer) const {
  const MatrixSource& source = *unit.source;
  const TensorInfo& tensor = *source.tensor;
  const int64_t num_bytes = unit.num_bytes();
  const bool stands_together = source.reads_whole_rows() && !tensor.is_cut();
  if (stands_together && page_cache_ == PageCache::kKeepsNothing) {
    const DirectFile& file = direct_files_[static_cast<size_t>(tensor.file_index)];
    return {file.ReadAt(tensor.offset + BytesIn(unit).begin, num_bytes, buffer), source.cols};
  }
  if (buffer.num_bytes() < num_bytes) buffer = MemoryBlock(num_bytes);
  const std::span<std::byte> bytes(buffer.data(), static_cast<size_t>(num_bytes));
  if (source.reads_whole_rows()) {
    checkpoint_.ReadAt(tensor, BytesIn(unit).begin, bytes);
    return {bytes, source.cols};
  }
  const ColumnCut whole = WholeBlocks(tensor.dtype, source.cols);
  const int64_t row_bytes = BytesOf(tensor.dtype, whole.count);
  for (int64_t row = 0; row < unit.num_rows; ++row) {
    const int64_t first_value = (unit.first_row + row) * source.cols.of + whole.first;
    checkpoint_.ReadAt(
        tensor, BytesOf(tensor.dtype, first_value),
        bytes.subspan(static_cast<size_t>(row * row_bytes), static_cast<size_t>(row_bytes)));
  }
  if (page_cache_ == PageCache::kKeepsNothing) DropCache(unit);
  return {bytes, {source.cols.first - whole.first, source.cols.count, whole.count}};
}

void MatrixReader::DropCache(const MatrixUnit& unit) const {
  const IndexRange bytes = BytesIn(unit);
  checkpoint_.DropCache(*unit.source->tensor, bytes.begin, bytes.size());
}

}  // namespace trinity
