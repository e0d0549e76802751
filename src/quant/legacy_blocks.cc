#include "quant/legacy_blocks.h"

#include <algorithm>
#include <iterator>

#include "quant/half.h"

namespace trinity {
namespace {

constexpr int kHalf = 16;
constexpr int kNumValues = 32;

template <typename Block>
LegacyParts UnpackFour(const Block& block, int offset) {
  uint8_t codes[kNumValues];
  UnpackNibbles(block.nibbles, codes);
  LegacyParts parts;
  parts.scale = block.scale;
  for (int i = 0; i < kNumValues; ++i) parts.codes[i] = static_cast<int8_t>(codes[i] - offset);
  return parts;
}

template <typename Block>
LegacyParts UnpackFive(const Block& block, int offset) {
  LegacyParts parts = UnpackFour(block, 0);
  for (int i = 0; i < kNumValues; ++i) {
    const int high = (block.high_bits[i / 8] >> (i % 8)) & 1;
    parts.codes[i] = static_cast<int8_t>((parts.codes[i] | high << 4) - offset);
  }
  return parts;
}

template <typename Block>
void PackFour(const LegacyParts& parts, int offset, Block& block) {
  uint8_t codes[kNumValues];
  for (int i = 0; i < kNumValues; ++i) codes[i] = (parts.codes[i] + offset) & 15;
  PackNibbles(codes, block.nibbles);
  block.scale = parts.scale;
}

template <typename Block>
void PackFive(const LegacyParts& parts, int offset, Block& block) {
  PackFour(parts, offset, block);
  std::fill(std::begin(block.high_bits), std::end(block.high_bits), uint8_t{0});
  for (int i = 0; i < kNumValues; ++i) {
    const int high = (parts.codes[i] + offset) >> 4;
    block.high_bits[i / 8] = static_cast<uint8_t>(block.high_bits[i / 8] | high << (i % 8));
  }
}

template <typename Block>
void DequantizeScaled(const Block& block, float* out) {
  const LegacyParts parts = Unpack(block);
  const float scale = Float16ToFloat(parts.scale);
  for (int i = 0; i < kNumValues; ++i) out[i] = scale * static_cast<float>(parts.codes[i]);
}

template <typename Block>
void DequantizeShifted(const Block& block, float* out) {
  const LegacyParts parts = Unpack(block);
  const float scale = Float16ToFloat(parts.scale);
  const float minimum = Float16ToFloat(parts.minimum);
  for (int i = 0; i < kNumValues; ++i) {
    out[i] = scale * static_cast<float>(parts.codes[i]) + minimum;
  }
}

}  // namespace

void UnpackNibbles(const uint8_t* nibbles, uint8_t* codes) {
  for (int j = 0; j < kHalf; ++j) {
    codes[j] = nibbles[j] & 15;
    codes[j + kHalf] = nibbles[j] >> 4;
  }
}

void PackNibbles(const uint8_t* codes, uint8_t* nibbles) {
  for (int j = 0; j < kHalf; ++j) {
    nibbles[j] = static_cast<uint8_t>(codes[j] | codes[j + kHalf] << 4);
  }
}

LegacyParts Unpack(const BlockQ8_0& block) {
  LegacyParts parts;
  parts.scale = block.scale;
  std::copy(std::begin(block.codes), std::end(block.codes), parts.codes.begin());
  return parts;
}

LegacyParts Unpack(const BlockQ4_0& block) { return UnpackFour(block, 8); }

LegacyParts Unpack(const BlockQ4_1& block) {
  LegacyParts parts = UnpackFour(block, 0);
  parts.minimum = block.minimum;
  return parts;
}

LegacyParts Unpack(const BlockQ5_0& block) { return UnpackFive(block, 16); }

LegacyParts Unpack(const BlockQ5_1& block) {
  LegacyParts parts = UnpackFive(block, 0);
  parts.minimum = block.minimum;
  return parts;
}

void Pack(const LegacyParts& parts, BlockQ8_0& block) {
  block.scale = parts.scale;
  std::copy(parts.codes.begin(), parts.codes.end(), std::begin(block.codes));
}

void Pack(const LegacyParts& parts, BlockQ4_0& block) { PackFour(parts, 8, block); }

void Pack(const LegacyParts& parts, BlockQ4_1& block) {
  PackFour(parts, 0, block);
  block.minimum = parts.minimum;
}

void Pack(const LegacyParts& parts, BlockQ5_0& block) { PackFive(parts, 16, block); }

void Pack(const LegacyParts& parts, BlockQ5_1& block) {
  PackFive(parts, 0, block);
  block.minimum = parts.minimum;
}

void Dequantize(const BlockQ8_0& block, float* out) { DequantizeScaled(block, out); }
void Dequantize(const BlockQ4_0& block, float* out) { DequantizeScaled(block, out); }
void Dequantize(const BlockQ4_1& block, float* out) { DequantizeShifted(block, out); }
void Dequantize(const BlockQ5_0& block, float* out) { DequantizeScaled(block, out); }
void Dequantize(const BlockQ5_1& block, float* out) { DequantizeShifted(block, out); }

}  // namespace trinity
