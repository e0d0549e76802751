#include "kernels/packed_matrix.h"

#include "tests/kernels/simd_fixture.h"

namespace trinity {
namespace {

// PackRows against the layout that the header states, at an odd address.
void ExpectLayout(DType dtype, int64_t rows, int64_t cols) {
  SCOPED_TRACE(testing::Message() << NameOf(dtype) << " [" << rows << ", " << cols << "]");
  const auto size = static_cast<size_t>(BytesOf(dtype, 1));
  std::mt19937 generator(5);
  std::vector<std::byte> source(static_cast<size_t>(rows * cols) * size + 1);
  for (std::byte& value : source) value = static_cast<std::byte>(generator());
  const auto packed_bytes = static_cast<size_t>(PackedBytes(dtype, rows, cols));
  std::vector<std::byte> panels(packed_bytes + 64, std::byte{0xAB});
  PackRows(source.data() + 1, dtype, rows, cols, panels.data());
  const int64_t padded_rows = (rows + kPanelRows - 1) / kPanelRows * kPanelRows;
  const bool is_paired = dtype == DType::kBF16;
  const int64_t padded_cols = is_paired ? (cols + 1) / 2 * 2 : cols;
  ASSERT_EQ(static_cast<int64_t>(packed_bytes), BytesOf(dtype, padded_rows * padded_cols));
  const std::vector<std::byte> zero(size);
  for (int64_t row = 0; row < padded_rows; ++row) {
    for (int64_t col = 0; col < padded_cols; ++col) {
      const int64_t place =
          is_paired ? (col / 2 * 32 + row % 32) * 2 + col % 2 : col * 32 + row % 32;
      const int64_t index = row / 32 * padded_cols * 32 + place;
      const std::byte* expected =
          row < rows && col < cols
              ? source.data() + 1 + static_cast<size_t>(row * cols + col) * size
              : zero.data();
      ASSERT_EQ(std::memcmp(panels.data() + static_cast<size_t>(index) * size, expected, size), 0)
          << row << ", " << col;
    }
  }
  for (size_t i = packed_bytes; i < panels.size(); ++i) ASSERT_EQ(panels[i], std::byte{0xAB});
}

TEST(PackedMatrix, PackRowsPermutesBitsAsTheLayoutSays) {
  OnEverySimdTarget([] {
    for (const DType dtype : kFloatDTypes) {
      for (const int64_t rows : {1, 31, 32, 33, 64, 97}) {
        for (const int64_t cols : {1, 7, 15, 16, 17, 31, 32, 33, 64, 100, 257}) {
          ExpectLayout(dtype, rows, cols);
        }
      }
    }
  });
}

TEST(PackedMatrix, RowBlocksPackedOneByOneGiveTheSamePanels) {
  const RoundedValues values = RoundTo(DType::kBF16, RandomFloats(100 * 50, 1));
  std::vector<std::byte> whole(static_cast<size_t>(PackedBytes(DType::kBF16, 100, 50)));
  PackRows(values.bytes.data(), DType::kBF16, 100, 50, whole.data());
  std::vector<std::byte> parts(whole.size());
  PackRows(values.bytes.data(), DType::kBF16, 64, 50, parts.data());
  PackRows(values.bytes.data() + 64 * 50 * 2, DType::kBF16, 36, 50, parts.data() + 64 * 50 * 2);
  EXPECT_EQ(whole, parts);
}

TEST(PackedMatrix, UnpackRowGivesBackEveryRow) {
  constexpr int64_t kRows = 70, kCols = 33;
  for (const DType dtype : kFloatDTypes) {
    const RoundedValues values = RoundTo(dtype, RandomFloats(kRows * kCols, 2));
    std::vector<std::byte> panels(static_cast<size_t>(PackedBytes(dtype, kRows, kCols)));
    PackRows(values.bytes.data(), dtype, kRows, kCols, panels.data());
    for (int64_t row = 0; row < kRows; ++row) {
      std::vector<float> out(kCols);
      UnpackRow({panels.data(), dtype, kRows, kCols}, row, out.data());
      const auto first = values.floats.begin() + row * kCols;
      EXPECT_EQ(out, std::vector<float>(first, first + kCols));
    }
  }
}

}  // namespace
}  // namespace trinity
