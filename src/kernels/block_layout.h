#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "kernels/packed_matrix.h"

namespace trinity {

// How the block formats of quant/block_formats.h stand in a packed matrix. All of them are cut into
// blocks of 32 columns; a block of a panel holds its codes in planes and then its scales:
//
// - A plane is [32 rows][4] bytes: a vector of 32-bit lanes is a row a lane, and the four bytes of
//   a lane belong to four consecutive columns of the row, as the dot products of 8-bit integers
//   take them. Group g of a block is the columns [4 g, 4 g + 4).
// - 8 bits: plane g is group g. 4 bits: plane g holds group g in the low and group g + 4 in the
//   high nibbles, g < 4. 2 bits: plane p holds the groups 4 p + i from bit 2 i, p < 2. 1 bit: bit g
//   of the plane is group g. Codes of 5, 6 and 3 bits are 4 + 1, 4 + 2 and 2 + 1 bits: first the
//   planes of the low bits, then those of the high ones.
// - Formats of 256 values have a header of one or two binary16 numbers a row before each 8 blocks.
//
// A permutation of the file's bits, but that scales of 6 bits become bytes: at most 4% more.

// Columns of a block.
inline constexpr int64_t kBlockCols = 32;

// Blocks behind a header.
inline constexpr int64_t kHeaderBlocks = 8;

inline constexpr int64_t kPlaneBytes = kPanelRows * 4;

enum class CodeForm : uint8_t { kEightBits, kFourBits, kFiveBits, kSixBits, kTwoBits, kThreeBits };

// What stands behind the codes of a block, [..][32 rows]; scale and minimum of a value.
enum class ScaleForm : uint8_t {
  kScale,         // binary16 d: d
  kScaleMinimum,  // binary16 d, m: d, m
  kExponent,      // e8m0 e: 2^(e - 128)
  kOneSigned,     // header d; int8 s: d * s
  kTwoSigned,     // header d; int8 s[2], one for each 16 columns: d * s
  kOneShifted,    // header d, m; uint8 s, t: d * s, -(m * t)
  kTwoShifted,    // header d, m; s | t << 4 in uint8 [2]: d * s, -(m * t)
};

// What a stored code stands for.
enum class CodeLevels : uint8_t { kIntegers, kIq4, kE2M1Doubled };

struct BlockLayout {
  CodeForm codes = CodeForm::kEightBits;
  ScaleForm scales = ScaleForm::kScale;
  CodeLevels levels = CodeLevels::kIntegers;
  int offset = 0;  // of integers: code - offset

  constexpr int64_t num_planes() const {
    switch (codes) {
      case CodeForm::kEightBits:
        return 8;
      case CodeForm::kFourBits:
        return 4;
      case CodeForm::kFiveBits:
        return 5;
      case CodeForm::kSixBits:
        return 6;
      case CodeForm::kTwoBits:
        return 2;
      default:
        return 3;
    }
  }
  constexpr int64_t code_bytes() const { return num_planes() * kPlaneBytes; }
  constexpr int64_t header_bytes() const {
    switch (scales) {
      case ScaleForm::kOneSigned:
      case ScaleForm::kTwoSigned:
        return kPanelRows * 2;
      case ScaleForm::kOneShifted:
      case ScaleForm::kTwoShifted:
        return kPanelRows * 4;
      default:
        return 0;
    }
  }
  constexpr int64_t scale_bytes() const {
    switch (scales) {
      case ScaleForm::kScaleMinimum:
        return kPanelRows * 4;
      case ScaleForm::kExponent:
      case ScaleForm::kOneSigned:
        return kPanelRows;
      default:
        return kPanelRows * 2;
    }
  }
  constexpr int64_t block_bytes() const { return code_bytes() + scale_bytes(); }

  // Scales that a block has for each row.
  constexpr int64_t num_scales() const {
    return scales == ScaleForm::kTwoSigned || scales == ScaleForm::kTwoShifted ? 2 : 1;
  }
  constexpr bool has_minimums() const {
    return scales == ScaleForm::kScaleMinimum || scales == ScaleForm::kOneShifted ||
           scales == ScaleForm::kTwoShifted;
  }

  // Where block `index` of a panel begins, and the header that it belongs to. `skipped` blocks
  // behind the first header, fewer than kHeaderBlocks, are not there.
  constexpr int64_t BlockOffset(int64_t index, int64_t skipped = 0) const {
    return ((index + skipped) / kHeaderBlocks + 1) * header_bytes() + index * block_bytes();
  }
  constexpr int64_t HeaderOffset(int64_t index, int64_t skipped = 0) const {
    const int64_t header = (index + skipped) / kHeaderBlocks;
    if (header == 0) return 0;
    return header * (header_bytes() + kHeaderBlocks * block_bytes()) - skipped * block_bytes();
  }
  // Of a whole panel; cols is a multiple of kBlockCols.
  constexpr int64_t PanelBytes(int64_t cols, int64_t skipped = 0) const {
    const int64_t num_blocks = cols / kBlockCols;
    const int64_t num_headers = (skipped + num_blocks + kHeaderBlocks - 1) / kHeaderBlocks;
    return num_headers * header_bytes() + num_blocks * block_bytes();
  }
};

// The layout of a block format.
constexpr BlockLayout LayoutOf(DType dtype) {
  constexpr CodeLevels kIntegers = CodeLevels::kIntegers;
  switch (dtype) {
    case DType::kQ4_0:
      return {CodeForm::kFourBits, ScaleForm::kScale, kIntegers, 8};
    case DType::kQ4_1:
      return {CodeForm::kFourBits, ScaleForm::kScaleMinimum, kIntegers, 0};
    case DType::kQ5_0:
      return {CodeForm::kFiveBits, ScaleForm::kScale, kIntegers, 16};
    case DType::kQ5_1:
      return {CodeForm::kFiveBits, ScaleForm::kScaleMinimum, kIntegers, 0};
    case DType::kQ2_K:
      return {CodeForm::kTwoBits, ScaleForm::kTwoShifted, kIntegers, 0};
    case DType::kQ3_K:
      return {CodeForm::kThreeBits, ScaleForm::kTwoSigned, kIntegers, 4};
    case DType::kQ4_K:
      return {CodeForm::kFourBits, ScaleForm::kOneShifted, kIntegers, 0};
    case DType::kQ5_K:
      return {CodeForm::kFiveBits, ScaleForm::kOneShifted, kIntegers, 0};
    case DType::kQ6_K:
      return {CodeForm::kSixBits, ScaleForm::kTwoSigned, kIntegers, 32};
    case DType::kIQ4_NL:
      return {CodeForm::kFourBits, ScaleForm::kScale, CodeLevels::kIq4, 0};
    case DType::kIQ4_XS:
      return {CodeForm::kFourBits, ScaleForm::kOneSigned, CodeLevels::kIq4, 0};
    case DType::kMXFP4:
      return {CodeForm::kFourBits, ScaleForm::kExponent, CodeLevels::kE2M1Doubled, 0};
    default:  // Q8_0, whose codes are signed as they stand
      return {CodeForm::kEightBits, ScaleForm::kScale, kIntegers, 0};
  }
}

// Packs `num_rows` <= kPanelRows rows of `cols` values, row after row in `source` as in a file,
// into one panel. Missing rows become zero.
void PackBlockRows(DType dtype, const std::byte* source, int64_t num_rows, int64_t cols,
                   std::byte* panel);

// The values of row `row` of a panel of `matrix`, to the bit those of DequantizeRow.
void UnpackBlockRow(const PackedMatrix& matrix, const std::byte* panel, int64_t row, float* out);

}  // namespace trinity
