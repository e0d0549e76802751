#include "kernels/block_layout.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/packed_matrix.h"
#include "tests/kernels/block_terms.h"

namespace trinity {
namespace {

// Any bytes are blocks. Exponents that give NaN are allowed too.
std::vector<std::byte> RandomBytes(int64_t size, uint32_t seed) {
  std::mt19937 generator(seed);
  std::vector<std::byte> bytes(static_cast<size_t>(size));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(generator());
  return bytes;
}

void ExpectSameValues(const std::vector<float>& values, const std::vector<float>& expected) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(expected[i])) {
      ASSERT_TRUE(std::isnan(values[i])) << i;
    } else {
      ASSERT_EQ(std::memcmp(&values[i], &expected[i], sizeof(float)), 0)
          << i << ": " << values[i] << " " << expected[i];
    }
  }
}

TEST(BlockLayout, RowsOfAnyBytesComeBackAsTheirFormatSays) {
  constexpr int64_t kMisalignment = 1;
  for (const DType dtype : kBlockDTypes) {
    SCOPED_TRACE(NameOf(dtype));
    for (const int64_t rows : {1, 31, 32, 70}) {
      for (const int64_t cols : {256, 512, 1280}) {
        const int64_t row_bytes = BytesOf(dtype, cols);
        const std::vector<std::byte> source = RandomBytes(rows * row_bytes + kMisalignment, 5);
        std::vector<std::byte> panels(static_cast<size_t>(PackedBytes(dtype, rows, cols)));
        PackRows(source.data() + kMisalignment, dtype, rows, cols, panels.data());
        for (int64_t row = 0; row < rows; ++row) {
          std::vector<float> values(static_cast<size_t>(cols)), expected(values.size());
          UnpackRow({panels.data(), dtype, rows, cols}, row, values.data());
          DequantizeRow(dtype, source.data() + kMisalignment + row * row_bytes, cols,
                        expected.data());
          ExpectSameValues(values, expected);
        }
      }
    }
  }
}

TEST(BlockLayout, RowsOfAnyNumberOfBlocksOf32ComeBack) {
  for (const DType dtype : kBlockDTypes) {
    if (InfoOf(dtype).block_values != 32) continue;
    SCOPED_TRACE(NameOf(dtype));
    for (const int64_t cols : {32, 64, 96, 288}) {
      const std::vector<std::byte> source = RandomBytes(33 * BytesOf(dtype, cols), 6);
      std::vector<std::byte> panels(static_cast<size_t>(PackedBytes(dtype, 33, cols)));
      PackRows(source.data(), dtype, 33, cols, panels.data());
      std::vector<float> values(static_cast<size_t>(cols)), expected(values.size());
      UnpackRow({panels.data(), dtype, 33, cols}, 32, values.data());
      DequantizeRow(dtype, source.data() + 32 * BytesOf(dtype, cols), cols, expected.data());
      ExpectSameValues(values, expected);
    }
  }
}

TEST(BlockLayout, CutsOfColumnsHoldTheValuesOfTheWholeRows) {
  constexpr int64_t kRows = 40, kCols = 1024;
  const std::pair<int64_t, int64_t> cuts[] = {{0, 32},   {32, 32},   {96, 160},  {96, 224},
                                              {224, 64}, {256, 256}, {480, 544}, {992, 32},
                                              {32, 992}, {256, 768}, {0, 1024}};
  for (const DType dtype : kBlockDTypes) {
    SCOPED_TRACE(NameOf(dtype));
    const std::vector<std::byte> source = RandomBytes(kRows * BytesOf(dtype, kCols), 7);
    for (const auto& [first, count] : cuts) {
      PackedMatrix matrix = {nullptr, dtype, kRows, count};
      matrix.skipped_blocks = SkippedBlocks(dtype, first);
      std::vector<std::byte> panels(
          static_cast<size_t>(PackedBytes(dtype, kRows, count, matrix.skipped_blocks)));
      PackColumns(source.data(), dtype, kRows, {first, count, kCols}, panels.data());
      matrix.data = panels.data();
      for (const int64_t row : {int64_t{0}, int64_t{31}, kRows - 1}) {
        std::vector<float> values(static_cast<size_t>(count)), expected(kCols);
        UnpackRow(matrix, row, values.data());
        DequantizeRow(dtype, source.data() + BytesOf(dtype, row * kCols), kCols, expected.data());
        ExpectSameValues(values, {expected.begin() + first, expected.begin() + first + count});
      }
    }
  }
}

TEST(BlockLayout, ThePackedFormTakesAtMostFivePercentMoreThanTheFile) {
  for (const DType dtype : kBlockDTypes) {
    const int64_t file_bytes = BytesOf(dtype, 64 * 1024);
    EXPECT_LE(PackedBytes(dtype, 64, 1024), file_bytes + file_bytes / 20) << NameOf(dtype);
  }
}

}  // namespace
}  // namespace trinity
