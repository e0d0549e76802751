#include "kernels/packed_matrix.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "kernels/block_layout.h"
#include "kernels/enabled_targets.h"
#include "quant/half.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/packed_matrix.cc"
#include "hwy/foreach_target.h"
//
#include "hwy/cache_control.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Columns [first_col, cols) of `num_rows` <= kPanelRows rows into one panel, value by value.
// Missing rows become zero.
template <class T>
void InterleaveColumns(const std::byte* source, int64_t num_rows, int64_t cols, int64_t first_col,
                       std::byte* panel) {
  constexpr auto kSize = static_cast<int64_t>(sizeof(T));
  for (int64_t col = first_col; col < cols; ++col) {
    T values[kPanelRows] = {};
    for (int64_t row = 0; row < num_rows; ++row) {
      std::memcpy(&values[row], source + (row * cols + col) * kSize, sizeof(T));
    }
    std::memcpy(panel + col * kPanelRows * kSize, values, sizeof(values));
  }
}

#if HWY_TARGET == HWY_SCALAR
template <class T>
int64_t InterleaveFullColumns(const std::byte*, int64_t, std::byte*) {
  return 0;
}
#else
using Tag16 = hn::FixedTag<uint16_t, 8>;
using Tag32 = hn::FixedTag<uint32_t, 4>;

// Transposes 8 x 8 values: from[i * from_stride + j] -> to[j * kPanelRows + i]. Strides in values.
HWY_INLINE void TransposeSquare(Tag16 d, const uint16_t* from, int64_t from_stride, uint16_t* to) {
  const hn::Repartition<uint32_t, Tag16> d32;
  const hn::Repartition<uint64_t, Tag16> d64;
  const auto row = [=](int64_t i) HWY_ATTR { return hn::LoadU(d, from + i * from_stride); };
  const auto a0 = row(0), a1 = row(1), a2 = row(2), a3 = row(3);
  const auto a4 = row(4), a5 = row(5), a6 = row(6), a7 = row(7);
  // Pairs of rows: columns 0..3 in l, 4..7 in u.
  const auto l01 = hn::BitCast(d32, hn::InterleaveLower(d, a0, a1));
  const auto u01 = hn::BitCast(d32, hn::InterleaveUpper(d, a0, a1));
  const auto l23 = hn::BitCast(d32, hn::InterleaveLower(d, a2, a3));
  const auto u23 = hn::BitCast(d32, hn::InterleaveUpper(d, a2, a3));
  const auto l45 = hn::BitCast(d32, hn::InterleaveLower(d, a4, a5));
  const auto u45 = hn::BitCast(d32, hn::InterleaveUpper(d, a4, a5));
  const auto l67 = hn::BitCast(d32, hn::InterleaveLower(d, a6, a7));
  const auto u67 = hn::BitCast(d32, hn::InterleaveUpper(d, a6, a7));
  const auto store = [=](int64_t col, auto low, auto high) HWY_ATTR {
    const auto l = hn::BitCast(d64, low);
    const auto h = hn::BitCast(d64, high);
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, l, h)), d, to + col * kPanelRows);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, l, h)), d, to + (col + 1) * kPanelRows);
  };
  store(0, hn::InterleaveLower(d32, l01, l23), hn::InterleaveLower(d32, l45, l67));
  store(2, hn::InterleaveUpper(d32, l01, l23), hn::InterleaveUpper(d32, l45, l67));
  store(4, hn::InterleaveLower(d32, u01, u23), hn::InterleaveLower(d32, u45, u67));
  store(6, hn::InterleaveUpper(d32, u01, u23), hn::InterleaveUpper(d32, u45, u67));
}

// The same with 4 x 4 values.
HWY_INLINE void TransposeSquare(Tag32 d, const uint32_t* from, int64_t from_stride, uint32_t* to) {
  const hn::Repartition<uint64_t, Tag32> d64;
  const auto row = [=](int64_t i) HWY_ATTR { return hn::LoadU(d, from + i * from_stride); };
  const auto a0 = row(0), a1 = row(1), a2 = row(2), a3 = row(3);
  const auto store = [=](int64_t col, auto low, auto high) HWY_ATTR {
    const auto l = hn::BitCast(d64, low);
    const auto h = hn::BitCast(d64, high);
    hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, l, h)), d, to + col * kPanelRows);
    hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, l, h)), d, to + (col + 1) * kPanelRows);
  };
  store(0, hn::InterleaveLower(d, a0, a1), hn::InterleaveLower(d, a2, a3));
  store(2, hn::InterleaveUpper(d, a0, a1), hn::InterleaveUpper(d, a2, a3));
}

// All columns that fill cache lines of a source row, of kPanelRows rows. Returns their number.
template <class T>
int64_t InterleaveFullColumns(const std::byte* source, int64_t cols, std::byte* panel) {
  constexpr int64_t kSide = 16 / sizeof(T);
  constexpr int64_t kLineCols = 64 / sizeof(T);
  constexpr int64_t kPrefetchCols = 4 * kLineCols;
  const hn::FixedTag<T, 16 / sizeof(T)> d;
  const auto* from = reinterpret_cast<const T*>(source);
  auto* to = reinterpret_cast<T*>(panel);
  int64_t col = 0;
  for (; col + kLineCols <= cols; col += kLineCols) {
    for (int64_t row = 0; row < kPanelRows; row += kSide) {
      for (int64_t i = 0; i < kSide; ++i) {
        hwy::Prefetch(from + (row + i) * cols + col + kPrefetchCols);
      }
      for (int64_t c = col; c < col + kLineCols; c += kSide) {
        TransposeSquare(d, from + row * cols + c, cols, to + c * kPanelRows + row);
      }
    }
  }
  return col;
}
#endif

template <class T>
void InterleavePanels(const std::byte* source, int64_t num_rows, int64_t cols, std::byte* panels) {
  const int64_t row_bytes = cols * static_cast<int64_t>(sizeof(T));
  for (int64_t row = 0; row < num_rows; row += kPanelRows) {
    const int64_t rows = std::min(kPanelRows, num_rows - row);
    const std::byte* from = source + row * row_bytes;
    std::byte* to = panels + row * row_bytes;
    const int64_t done = rows == kPanelRows ? InterleaveFullColumns<T>(from, cols, to) : int64_t{0};
    InterleaveColumns<T>(from, rows, cols, done, to);
  }
}

// Pairs of 16-bit values: of an even number of columns the same as half as many 32-bit values.
void InterleavePairPanels(const std::byte* source, int64_t num_rows, int64_t cols,
                          std::byte* panels) {
  if (cols % 2 == 0) return InterleavePanels<uint32_t>(source, num_rows, cols / 2, panels);
  for (int64_t row = 0; row < num_rows; row += kPanelRows) {
    for (int64_t col = 0; col < cols; col += 2) {
      uint16_t pairs[kPanelRows][2] = {};
      const size_t pair_bytes = col + 1 < cols ? 4 : 2;
      for (int64_t i = 0; i < std::min(kPanelRows, num_rows - row); ++i) {
        std::memcpy(pairs[i], source + ((row + i) * cols + col) * 2, pair_bytes);
      }
      std::memcpy(panels, pairs, sizeof(pairs));
      panels += sizeof(pairs);
    }
  }
}

void PackRowsOnTarget(const std::byte* source, DType dtype, int64_t num_rows, int64_t cols,
                      std::byte* panels) {
  switch (dtype) {
    case DType::kF32:
      return InterleavePanels<uint32_t>(source, num_rows, cols, panels);
    case DType::kF16:
      return InterleavePanels<uint16_t>(source, num_rows, cols, panels);
    default:
      return InterleavePairPanels(source, num_rows, cols, panels);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace trinity {
namespace {

HWY_EXPORT(PackRowsOnTarget);

void PackBlocks(const std::byte* source, DType dtype, int64_t num_rows, int64_t cols,
                std::byte* panels) {
  const int64_t panel_bytes = PanelBytes(dtype, cols);
  const int64_t source_bytes = BytesOf(dtype, cols);
  for (int64_t row = 0; row < num_rows; row += kPanelRows) {
    PackBlockRows(dtype, source + row * source_bytes, std::min(kPanelRows, num_rows - row), cols,
                  panels + row / kPanelRows * panel_bytes);
  }
}

// A cut of blocks with headers: the first header, and then what is not skipped as it stands in the
// panel of all columns.
void PackCutBlocks(const std::byte* source, DType dtype, int64_t num_rows, const ColumnCut& cut,
                   std::byte* panels) {
  TRINITY_CHECK(cut.first % kBlockCols == 0 && cut.count % kBlockCols == 0);
  const BlockLayout layout = LayoutOf(dtype);
  const int64_t skipped = cut.first / kBlockCols, end = skipped + cut.count / kBlockCols;
  const int64_t from = layout.BlockOffset(skipped);
  const int64_t count = layout.BlockOffset(end - 1) + layout.block_bytes() - from;
  std::vector<std::byte> panel(static_cast<size_t>(layout.PanelBytes(cut.of)));
  for (int64_t row = 0; row < num_rows; row += kPanelRows) {
    PackBlockRows(dtype, source + BytesOf(dtype, row * cut.of),
                  std::min(kPanelRows, num_rows - row), cut.of, panel.data());
    std::memcpy(panels, panel.data(), static_cast<size_t>(layout.header_bytes()));
    std::memcpy(panels + layout.header_bytes(), panel.data() + from, static_cast<size_t>(count));
    panels += layout.header_bytes() + count;
  }
}

}  // namespace

bool IsMatrixDType(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 ||
         IsBlockFormat(dtype);
}

int64_t PanelBytes(DType dtype, int64_t cols, int64_t skipped_blocks) {
  if (IsBlockFormat(dtype)) return LayoutOf(dtype).PanelBytes(cols, skipped_blocks);
  return BytesOf(dtype, kPanelRows * (dtype == DType::kBF16 ? (cols + 1) / 2 * 2 : cols));
}

int64_t PackedBytes(DType dtype, int64_t rows, int64_t cols, int64_t skipped_blocks) {
  return (rows + kPanelRows - 1) / kPanelRows * PanelBytes(dtype, cols, skipped_blocks);
}

ColumnCut WholeBlocks(DType dtype, const ColumnCut& cut) {
  const int64_t unit = InfoOf(dtype).block_values;
  const int64_t begin = cut.first / unit * unit;
  return {begin, (cut.first + cut.count + unit - 1) / unit * unit - begin, cut.of};
}

int64_t SkippedBlocks(DType dtype, int64_t first_col) {
  const bool has_headers = IsBlockFormat(dtype) && LayoutOf(dtype).header_bytes() > 0;
  return has_headers ? first_col / kBlockCols % kHeaderBlocks : 0;
}

void PackRows(const std::byte* source, DType dtype, int64_t num_rows, int64_t cols,
              std::byte* panels) {
  TRINITY_CHECK(IsMatrixDType(dtype) && cols % InfoOf(dtype).block_values == 0);
  if (IsBlockFormat(dtype)) return PackBlocks(source, dtype, num_rows, cols, panels);
  HWY_DYNAMIC_DISPATCH(PackRowsOnTarget)(source, dtype, num_rows, cols, panels);
}

void PackColumns(const std::byte* source, DType dtype, int64_t num_rows, const ColumnCut& cut,
                 std::byte* panels) {
  TRINITY_CHECK(cut.first >= 0 && cut.count >= 0 && cut.first + cut.count <= cut.of);
  if (cut.count == cut.of) return PackRows(source, dtype, num_rows, cut.of, panels);
  if (cut.count == 0) return;
  // Whole file blocks around the cut, row after row.
  const ColumnCut whole = WholeBlocks(dtype, cut);
  const int64_t row_bytes = BytesOf(dtype, whole.count);
  std::vector<std::byte> rows(static_cast<size_t>(num_rows * row_bytes));
  for (int64_t row = 0; row < num_rows; ++row) {
    std::memcpy(rows.data() + row * row_bytes, source + BytesOf(dtype, row * cut.of + whole.first),
                static_cast<size_t>(row_bytes));
  }
  if (whole.count == cut.count) return PackRows(rows.data(), dtype, num_rows, cut.count, panels);
  PackCutBlocks(rows.data(), dtype, num_rows, {cut.first - whole.first, cut.count, whole.count},
                panels);
}

void UnpackRow(const PackedMatrix& matrix, int64_t row, float* out) {
  TRINITY_CHECK(IsMatrixDType(matrix.dtype));
  TRINITY_CHECK(row >= 0 && row < matrix.rows);
  const std::byte* panel = matrix.Panel(row / kPanelRows);
  const int64_t panel_row = row % kPanelRows;
  if (IsBlockFormat(matrix.dtype)) {
    return UnpackBlockRow(matrix, panel, panel_row, out);
  }
  for (int64_t col = 0; col < matrix.cols; ++col) {
    if (matrix.dtype == DType::kF32) {
      std::memcpy(&out[col], panel + (col * kPanelRows + panel_row) * 4, sizeof(float));
      continue;
    }
    const bool is_f16 = matrix.dtype == DType::kF16;
    const int64_t index =
        is_f16 ? col * kPanelRows + panel_row : (col / 2 * kPanelRows + panel_row) * 2 + col % 2;
    uint16_t bits;
    std::memcpy(&bits, panel + index * 2, sizeof(bits));
    out[col] = is_f16 ? Float16ToFloat(bits) : BFloat16ToFloat(bits);
  }
}

}  // namespace trinity
#endif  // HWY_ONCE
