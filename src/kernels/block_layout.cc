#include "kernels/block_layout.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "quant/block_formats.h"
#include "quant/half.h"
#include "quant/iq4_blocks.h"
#include "quant/mxfp4_blocks.h"

namespace trinity {
namespace {

constexpr uint32_t kLowNibbles = 0x0F0F0F0F;
constexpr uint32_t kLowPairs = 0x03030303;
constexpr uint32_t kLowBits = 0x01010101;

uint32_t FourBytes(const void* bytes) {
  uint32_t value = 0;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

// The place of one row in a block of a panel.
struct Slot {
  std::byte* block;
  int64_t row;

  void PutCodes(int64_t plane, uint32_t bytes) const {
    std::memcpy(block + plane * kPlaneBytes + row * 4, &bytes, sizeof bytes);
  }
};

// The place of one row in a header and the blocks behind it.
struct RowPlace {
  const BlockLayout& layout;
  std::byte* header;
  int64_t row;

  Slot BlockAt(int64_t index) const {
    return {header + layout.header_bytes() + index * layout.block_bytes(), row};
  }
  void PutHeaderHalf(int64_t index, uint16_t bits) const {
    std::memcpy(header + (index * kPanelRows + row) * 2, &bits, sizeof bits);
  }
  void PutHalf(int64_t index, uint16_t bits) const {
    std::memcpy(header + layout.code_bytes() + (index * kPanelRows + row) * 2, &bits, sizeof bits);
  }
  void PutByte(int64_t block, int64_t index, int byte) const {
    BlockAt(block).block[layout.code_bytes() + index * kPanelRows + row] =
        static_cast<std::byte>(byte);
  }
};

// Nibbles in the order of the formats of 32 values: byte j holds the columns j and j + 16.
void PutNibbles(const uint8_t* nibbles, const Slot& slot) {
  for (int64_t g = 0; g < 4; ++g) slot.PutCodes(g, FourBytes(nibbles + 4 * g));
}

// Bit i of `bits` is column i: becomes bit g of byte j of the plane, i = 4 g + j.
uint32_t BitPlane(uint32_t bits) {
  uint32_t plane = 0;
  for (int g = 0; g < 8; ++g) {
    const uint32_t nibble = (bits >> (4 * g)) & 15;
    plane |= ((nibble * 0x00204081U) & kLowBits) << g;
  }
  return plane;
}

// Bit `shift` of each of 32 bytes, one a column.
uint32_t BitPlaneOfBytes(const uint8_t* bytes, int shift) {
  uint32_t plane = 0;
  for (int g = 0; g < 8; ++g) plane |= ((FourBytes(bytes + 4 * g) >> shift) & kLowBits) << g;
  return plane;
}

// Two bits from bit `shift` of each of 32 bytes, one a column.
void PutPairs(const uint8_t* bytes, int shift, int64_t first_plane, const Slot& slot) {
  for (int64_t p = 0; p < 2; ++p) {
    uint32_t plane = 0;
    for (int i = 0; i < 4; ++i) {
      plane |= ((FourBytes(bytes + 16 * p + 4 * i) >> shift) & kLowPairs) << (2 * i);
    }
    slot.PutCodes(first_plane + p, plane);
  }
}

// Nibbles from bit `shift` of each of 32 bytes, one a column.
void PutNibblesOfBytes(const uint8_t* bytes, int shift, const Slot& slot) {
  for (int64_t g = 0; g < 4; ++g) {
    const uint32_t low = (FourBytes(bytes + 4 * g) >> shift) & kLowNibbles;
    const uint32_t high = (FourBytes(bytes + 16 + 4 * g) >> shift) & kLowNibbles;
    slot.PutCodes(g, low | high << 4);
  }
}

void Put(const BlockQ8_0& block, const RowPlace& place) {
  for (int64_t g = 0; g < 8; ++g) place.BlockAt(0).PutCodes(g, FourBytes(block.codes + 4 * g));
  place.PutHalf(0, block.scale);
}

void Put(const BlockQ4_0& block, const RowPlace& place) {
  PutNibbles(block.nibbles, place.BlockAt(0));
  place.PutHalf(0, block.scale);
}

void Put(const BlockQ4_1& block, const RowPlace& place) {
  PutNibbles(block.nibbles, place.BlockAt(0));
  place.PutHalf(0, block.scale);
  place.PutHalf(1, block.minimum);
}

void Put(const BlockQ5_0& block, const RowPlace& place) {
  PutNibbles(block.nibbles, place.BlockAt(0));
  place.BlockAt(0).PutCodes(4, BitPlane(FourBytes(block.high_bits)));
  place.PutHalf(0, block.scale);
}

void Put(const BlockQ5_1& block, const RowPlace& place) {
  PutNibbles(block.nibbles, place.BlockAt(0));
  place.BlockAt(0).PutCodes(4, BitPlane(FourBytes(block.high_bits)));
  place.PutHalf(0, block.scale);
  place.PutHalf(1, block.minimum);
}

void Put(const BlockIQ4_NL& block, const RowPlace& place) {
  PutNibbles(block.nibbles, place.BlockAt(0));
  place.PutHalf(0, block.scale);
}

void Put(const BlockMXFP4& block, const RowPlace& place) {
  PutNibbles(block.nibbles, place.BlockAt(0));
  place.PutByte(0, 0, block.exponent);
}

void Put(const BlockIQ4_XS& block, const RowPlace& place) {
  place.PutHeaderHalf(0, block.group_scale);
  for (int64_t b = 0; b < kHeaderBlocks; ++b) {
    PutNibbles(block.nibbles + 16 * b, place.BlockAt(b));
    const int low = (block.scales_low[b / 2] >> (b % 2 * 4)) & 15;
    const int high = (block.scales_high >> (b * 2)) & 3;
    place.PutByte(b, 0, (low | high << 4) - 32);
  }
}

// The scales of Q4_K and Q5_K; how they stand in the file is told in quant/k_quant_blocks.cc.
template <typename Block>
void PutSixBitScales(const Block& block, const RowPlace& place) {
  place.PutHeaderHalf(0, block.group_scale);
  place.PutHeaderHalf(1, block.group_minimum);
  const uint8_t* bytes = block.scales;
  for (int64_t j = 0; j < 4; ++j) {
    place.PutByte(j, 0, bytes[j] & 63);
    place.PutByte(j, 1, bytes[j + 4] & 63);
    place.PutByte(j + 4, 0, (bytes[j + 8] & 15) | bytes[j] >> 6 << 4);
    place.PutByte(j + 4, 1, bytes[j + 8] >> 4 | bytes[j + 4] >> 6 << 4);
  }
}

void Put(const BlockQ4_K& block, const RowPlace& place) {
  PutSixBitScales(block, place);
  for (int b = 0; b < kHeaderBlocks; ++b) {
    PutNibblesOfBytes(block.nibbles + b / 2 * 32, b % 2 * 4, place.BlockAt(b));
  }
}

void Put(const BlockQ5_K& block, const RowPlace& place) {
  PutSixBitScales(block, place);
  for (int b = 0; b < kHeaderBlocks; ++b) {
    PutNibblesOfBytes(block.nibbles + b / 2 * 32, b % 2 * 4, place.BlockAt(b));
    place.BlockAt(b).PutCodes(4, BitPlaneOfBytes(block.high_bits, b));
  }
}

void Put(const BlockQ6_K& block, const RowPlace& place) {
  place.PutHeaderHalf(0, block.group_scale);
  for (int b = 0; b < kHeaderBlocks; ++b) {
    const Slot slot = place.BlockAt(b);
    PutNibblesOfBytes(block.nibbles + b / 4 * 64 + b % 2 * 32, b % 4 / 2 * 4, slot);
    PutPairs(block.high_bits + b / 4 * 32, b % 4 * 2, 4, slot);
    place.PutByte(b, 0, block.scales[2 * b]);
    place.PutByte(b, 1, block.scales[2 * b + 1]);
  }
}

void Put(const BlockQ3_K& block, const RowPlace& place) {
  place.PutHeaderHalf(0, block.group_scale);
  const uint8_t* scales = block.scales;
  for (int b = 0; b < kHeaderBlocks; ++b) {
    const Slot slot = place.BlockAt(b);
    PutPairs(block.codes + b / 4 * 32, b % 4 * 2, 0, slot);
    slot.PutCodes(2, BitPlaneOfBytes(block.high_bits, b));
    for (int j = 2 * b; j < 2 * b + 2; ++j) {
      const int low = (scales[j % 8] >> (j / 8 * 4)) & 15;
      const int high = (scales[8 + j % 4] >> (j / 4 * 2)) & 3;
      place.PutByte(b, j % 2, (low | high << 4) - 32);
    }
  }
}

void Put(const BlockQ2_K& block, const RowPlace& place) {
  place.PutHeaderHalf(0, block.group_scale);
  place.PutHeaderHalf(1, block.group_minimum);
  for (int b = 0; b < kHeaderBlocks; ++b) {
    PutPairs(block.codes + b / 4 * 32, b % 4 * 2, 0, place.BlockAt(b));
    place.PutByte(b, 0, block.scales[2 * b]);
    place.PutByte(b, 1, block.scales[2 * b + 1]);
  }
}

// Block by block of all rows, so that what is written at a time stays in the nearest cache.
template <typename Block>
void PackPanel(DType dtype, const std::byte* source, int64_t num_rows, int64_t cols,
               std::byte* panel) {
  const BlockLayout layout = LayoutOf(dtype);
  const int64_t block_values = InfoOf(dtype).block_values;
  const int64_t row_bytes = cols / block_values * static_cast<int64_t>(sizeof(Block));
  if (num_rows < kPanelRows) {
    std::memset(panel, 0, static_cast<size_t>(layout.PanelBytes(cols)));
  }
  for (int64_t i = 0; i < cols / block_values; ++i) {
    const int64_t first_block = i * block_values / kBlockCols;
    std::byte* header = panel + layout.BlockOffset(first_block) - layout.header_bytes();
    for (int64_t row = 0; row < num_rows; ++row) {
      Block block;
      std::memcpy(&block, source + row * row_bytes + i * static_cast<int64_t>(sizeof(Block)),
                  sizeof block);
      Put(block, {layout, header, row});
    }
  }
}

// The stored codes of one row of a block.
void StoredCodes(CodeForm form, const std::byte* block, int64_t row, uint8_t* codes) {
  const auto byte_at = [=](int64_t plane, int64_t j) {
    return static_cast<int>(block[plane * kPlaneBytes + row * 4 + j]);
  };
  for (int64_t col = 0; col < kBlockCols; ++col) {
    const int64_t g = col / 4, j = col % 4;
    const auto nibble = [=] { return (byte_at(g % 4, j) >> (g / 4 * 4)) & 15; };
    const auto pair = [=](int64_t first) { return (byte_at(first + g / 4, j) >> (g % 4 * 2)) & 3; };
    const auto bit = [=](int64_t plane) { return (byte_at(plane, j) >> g) & 1; };
    int code = 0;
    switch (form) {
      case CodeForm::kEightBits:
        code = byte_at(g, j);
        break;
      case CodeForm::kFourBits:
        code = nibble();
        break;
      case CodeForm::kFiveBits:
        code = nibble() | bit(4) << 4;
        break;
      case CodeForm::kSixBits:
        code = nibble() | pair(4) << 4;
        break;
      case CodeForm::kTwoBits:
        code = pair(0);
        break;
      case CodeForm::kThreeBits:
        code = pair(0) | bit(2) << 2;
        break;
    }
    codes[col] = static_cast<uint8_t>(code);
  }
}

int LevelOf(const BlockLayout& layout, uint8_t code) {
  if (layout.levels == CodeLevels::kIq4) return kIq4Levels[code];
  if (layout.levels == CodeLevels::kE2M1Doubled) return kE2M1Doubled[code];
  if (layout.codes == CodeForm::kEightBits) return std::bit_cast<int8_t>(code);
  return code - layout.offset;
}

struct ScaleAndMinimum {
  float scale;
  float minimum;
};

// Of columns [16 half, 16 half + 16) of one row of a block.
ScaleAndMinimum ScaleOf(const BlockLayout& layout, const std::byte* header, const std::byte* block,
                        int64_t row, int64_t half) {
  const std::byte* scales = block + layout.code_bytes();
  const auto half_at = [row](const std::byte* from, int64_t index) {
    uint16_t bits = 0;
    std::memcpy(&bits, from + (index * kPanelRows + row) * 2, sizeof bits);
    return Float16ToFloat(bits);
  };
  const auto byte_at = [=](int64_t index) {
    return std::to_integer<int>(scales[index * kPanelRows + row]);
  };
  const auto signed_at = [=](int64_t index) {
    return static_cast<float>(static_cast<int8_t>(byte_at(index)));
  };
  switch (layout.scales) {
    case ScaleForm::kScale:
      return {half_at(scales, 0), 0};
    case ScaleForm::kScaleMinimum:
      return {half_at(scales, 0), half_at(scales, 1)};
    case ScaleForm::kExponent:
      return {Mxfp4Scale(static_cast<uint8_t>(byte_at(0))), 0};
    case ScaleForm::kOneSigned:
      return {half_at(header, 0) * signed_at(0), 0};
    case ScaleForm::kTwoSigned:
      return {half_at(header, 0) * signed_at(half), 0};
    case ScaleForm::kOneShifted:
      return {half_at(header, 0) * static_cast<float>(byte_at(0)),
              -(half_at(header, 1) * static_cast<float>(byte_at(1)))};
    default:
      return {half_at(header, 0) * static_cast<float>(byte_at(half) & 15),
              -(half_at(header, 1) * static_cast<float>(byte_at(half) >> 4))};
  }
}

}  // namespace

void PackBlockRows(DType dtype, const std::byte* source, int64_t num_rows, int64_t cols,
                   std::byte* panel) {
  switch (dtype) {
    case DType::kQ4_0:
      return PackPanel<BlockQ4_0>(dtype, source, num_rows, cols, panel);
    case DType::kQ4_1:
      return PackPanel<BlockQ4_1>(dtype, source, num_rows, cols, panel);
    case DType::kQ5_0:
      return PackPanel<BlockQ5_0>(dtype, source, num_rows, cols, panel);
    case DType::kQ5_1:
      return PackPanel<BlockQ5_1>(dtype, source, num_rows, cols, panel);
    case DType::kQ2_K:
      return PackPanel<BlockQ2_K>(dtype, source, num_rows, cols, panel);
    case DType::kQ3_K:
      return PackPanel<BlockQ3_K>(dtype, source, num_rows, cols, panel);
    case DType::kQ4_K:
      return PackPanel<BlockQ4_K>(dtype, source, num_rows, cols, panel);
    case DType::kQ5_K:
      return PackPanel<BlockQ5_K>(dtype, source, num_rows, cols, panel);
    case DType::kQ6_K:
      return PackPanel<BlockQ6_K>(dtype, source, num_rows, cols, panel);
    case DType::kIQ4_NL:
      return PackPanel<BlockIQ4_NL>(dtype, source, num_rows, cols, panel);
    case DType::kIQ4_XS:
      return PackPanel<BlockIQ4_XS>(dtype, source, num_rows, cols, panel);
    case DType::kMXFP4:
      return PackPanel<BlockMXFP4>(dtype, source, num_rows, cols, panel);
    default:
      return PackPanel<BlockQ8_0>(dtype, source, num_rows, cols, panel);
  }
}

void UnpackBlockRow(const PackedMatrix& matrix, const std::byte* panel, int64_t row, float* out) {
  const BlockLayout layout = LayoutOf(matrix.dtype);
  for (int64_t b = 0; b < matrix.cols / kBlockCols; ++b) {
    const std::byte* header = panel + layout.HeaderOffset(b, matrix.skipped_blocks);
    const std::byte* block = panel + layout.BlockOffset(b, matrix.skipped_blocks);
    uint8_t codes[kBlockCols];
    StoredCodes(layout.codes, block, row, codes);
    for (int64_t half = 0; half < 2; ++half) {
      const ScaleAndMinimum scale = ScaleOf(layout, header, block, row, half);
      for (int64_t col = 16 * half; col < 16 * half + 16; ++col, ++out) {
        const float value = scale.scale * static_cast<float>(LevelOf(layout, codes[col]));
        *out = layout.has_minimums() ? value + scale.minimum : value;
      }
    }
  }
}

}  // namespace trinity
