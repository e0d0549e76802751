#include "quant/k_quant_blocks.h"

#include <algorithm>
#include <iterator>

#include "quant/half.h"

namespace trinity {
namespace {

constexpr int kNumValues = 256;

// Where two-bit pieces lie: value i in byte TwoBitByte(i), from bit TwoBitShift(i).
constexpr int TwoBitByte(int i) { return i / 128 * 32 + i % 32; }
constexpr int TwoBitShift(int i) { return i % 128 / 32 * 2; }

// The same for the nibbles of Q4_K and Q5_K, and of Q6_K.
constexpr int PairByte(int i) { return i / 64 * 32 + i % 32; }
constexpr int PairShift(int i) { return i % 64 / 32 * 4; }
constexpr int HalfByte(int i) { return i / 128 * 64 + i % 64; }
constexpr int HalfShift(int i) { return i % 128 / 64 * 4; }

int Bits(const uint8_t* bytes, int byte, int shift, int mask) {
  return (bytes[byte] >> shift) & mask;
}

void AddBits(uint8_t* bytes, int byte, int shift, int value) {
  bytes[byte] = static_cast<uint8_t>(bytes[byte] | value << shift);
}

// The 12 bytes of Q4_K and Q5_K for 8 scales s and 8 minimums m of 6 bits. Bytes 0..3 and 4..7 hold
// s and m of groups 0..3 in their low 6 bits; bytes 8..11 the low nibbles of s and m of groups
// 4..7, whose high two bits are on top of bytes 0..3 and 4..7.
void UnpackScales(const uint8_t* bytes, KShiftedParts& parts) {
  for (size_t j = 0; j < 4; ++j) {
    parts.scales[j] = bytes[j] & 63;
    parts.minimums[j] = bytes[j + 4] & 63;
    parts.scales[j + 4] = static_cast<uint8_t>((bytes[j + 8] & 15) | bytes[j] >> 6 << 4);
    parts.minimums[j + 4] = static_cast<uint8_t>(bytes[j + 8] >> 4 | bytes[j + 4] >> 6 << 4);
  }
}

void PackScales(const KShiftedParts& parts, uint8_t* bytes) {
  for (size_t j = 0; j < 4; ++j) {
    bytes[j] = static_cast<uint8_t>(parts.scales[j] | parts.scales[j + 4] >> 4 << 6);
    bytes[j + 4] = static_cast<uint8_t>(parts.minimums[j] | parts.minimums[j + 4] >> 4 << 6);
    bytes[j + 8] =
        static_cast<uint8_t>((parts.scales[j + 4] & 15) | (parts.minimums[j + 4] & 15) << 4);
  }
}

// The 12 bytes of Q3_K for 16 scales of 6 bits: the low nibble of scale j is in byte j % 8 (high
// nibble for j >= 8), its high two bits in byte 8 + j % 4 from bit 2 (j / 4).
int Q3Scale(const uint8_t* bytes, int j) {
  return Bits(bytes, j % 8, j / 8 * 4, 15) | Bits(bytes, 8 + j % 4, j / 4 * 2, 3) << 4;
}

void AddQ3Scale(uint8_t* bytes, int j, int scale) {
  AddBits(bytes, j % 8, j / 8 * 4, scale & 15);
  AddBits(bytes, 8 + j % 4, j / 4 * 2, scale >> 4);
}

void DequantizeScaled(const KScaledParts& parts, float* out) {
  const float group_scale = Float16ToFloat(parts.group_scale);
  for (size_t i = 0; i < kNumValues; ++i) {
    const float scale = group_scale * static_cast<float>(parts.scales[i / 16]);
    out[i] = scale * static_cast<float>(parts.codes[i]);
  }
}

void DequantizeShifted(const KShiftedParts& parts, size_t group_values, float* out) {
  const float group_scale = Float16ToFloat(parts.group_scale);
  const float group_minimum = Float16ToFloat(parts.group_minimum);
  for (size_t i = 0; i < kNumValues; ++i) {
    const size_t group = i / group_values;
    const float scale = group_scale * static_cast<float>(parts.scales[group]);
    const float minimum = group_minimum * static_cast<float>(parts.minimums[group]);
    out[i] = scale * static_cast<float>(parts.codes[i]) - minimum;
  }
}

}  // namespace

KShiftedParts Unpack(const BlockQ2_K& block) {
  KShiftedParts parts;
  parts.group_scale = block.group_scale;
  parts.group_minimum = block.group_minimum;
  for (size_t j = 0; j < 16; ++j) {
    parts.scales[j] = block.scales[j] & 15;
    parts.minimums[j] = block.scales[j] >> 4;
  }
  for (int i = 0; i < kNumValues; ++i) {
    parts.codes[i] = static_cast<int8_t>(Bits(block.codes, TwoBitByte(i), TwoBitShift(i), 3));
  }
  return parts;
}

KScaledParts Unpack(const BlockQ3_K& block) {
  KScaledParts parts;
  parts.group_scale = block.group_scale;
  for (int j = 0; j < 16; ++j) {
    parts.scales[j] = static_cast<int8_t>(Q3Scale(block.scales, j) - 32);
  }
  for (int i = 0; i < kNumValues; ++i) {
    const int low = Bits(block.codes, TwoBitByte(i), TwoBitShift(i), 3);
    const int high = Bits(block.high_bits, i % 32, i / 32, 1);
    parts.codes[i] = static_cast<int8_t>((low | high << 2) - 4);
  }
  return parts;
}

KShiftedParts Unpack(const BlockQ4_K& block) {
  KShiftedParts parts;
  parts.group_scale = block.group_scale;
  parts.group_minimum = block.group_minimum;
  UnpackScales(block.scales, parts);
  for (int i = 0; i < kNumValues; ++i) {
    parts.codes[i] = static_cast<int8_t>(Bits(block.nibbles, PairByte(i), PairShift(i), 15));
  }
  return parts;
}

KShiftedParts Unpack(const BlockQ5_K& block) {
  KShiftedParts parts;
  parts.group_scale = block.group_scale;
  parts.group_minimum = block.group_minimum;
  UnpackScales(block.scales, parts);
  for (int i = 0; i < kNumValues; ++i) {
    const int low = Bits(block.nibbles, PairByte(i), PairShift(i), 15);
    const int high = Bits(block.high_bits, i % 32, i / 32, 1);
    parts.codes[i] = static_cast<int8_t>(low | high << 4);
  }
  return parts;
}

KScaledParts Unpack(const BlockQ6_K& block) {
  KScaledParts parts;
  parts.group_scale = block.group_scale;
  std::copy(std::begin(block.scales), std::end(block.scales), parts.scales.begin());
  for (int i = 0; i < kNumValues; ++i) {
    const int low = Bits(block.nibbles, HalfByte(i), HalfShift(i), 15);
    const int high = Bits(block.high_bits, TwoBitByte(i), TwoBitShift(i), 3);
    parts.codes[i] = static_cast<int8_t>((low | high << 4) - 32);
  }
  return parts;
}

void Pack(const KShiftedParts& parts, BlockQ2_K& block) {
  block = {};
  block.group_scale = parts.group_scale;
  block.group_minimum = parts.group_minimum;
  for (size_t j = 0; j < 16; ++j) {
    block.scales[j] = static_cast<uint8_t>(parts.scales[j] | parts.minimums[j] << 4);
  }
  for (int i = 0; i < kNumValues; ++i) {
    AddBits(block.codes, TwoBitByte(i), TwoBitShift(i), parts.codes[i]);
  }
}

void Pack(const KScaledParts& parts, BlockQ3_K& block) {
  block = {};
  block.group_scale = parts.group_scale;
  for (int j = 0; j < 16; ++j) AddQ3Scale(block.scales, j, parts.scales[j] + 32);
  for (int i = 0; i < kNumValues; ++i) {
    const int code = parts.codes[i] + 4;
    AddBits(block.codes, TwoBitByte(i), TwoBitShift(i), code & 3);
    AddBits(block.high_bits, i % 32, i / 32, code >> 2);
  }
}

void Pack(const KShiftedParts& parts, BlockQ4_K& block) {
  block = {};
  block.group_scale = parts.group_scale;
  block.group_minimum = parts.group_minimum;
  PackScales(parts, block.scales);
  for (int i = 0; i < kNumValues; ++i) {
    AddBits(block.nibbles, PairByte(i), PairShift(i), parts.codes[i]);
  }
}

void Pack(const KShiftedParts& parts, BlockQ5_K& block) {
  block = {};
  block.group_scale = parts.group_scale;
  block.group_minimum = parts.group_minimum;
  PackScales(parts, block.scales);
  for (int i = 0; i < kNumValues; ++i) {
    AddBits(block.nibbles, PairByte(i), PairShift(i), parts.codes[i] & 15);
    AddBits(block.high_bits, i % 32, i / 32, parts.codes[i] >> 4);
  }
}

void Pack(const KScaledParts& parts, BlockQ6_K& block) {
  block = {};
  block.group_scale = parts.group_scale;
  std::copy(parts.scales.begin(), parts.scales.end(), std::begin(block.scales));
  for (int i = 0; i < kNumValues; ++i) {
    const int code = parts.codes[i] + 32;
    AddBits(block.nibbles, HalfByte(i), HalfShift(i), code & 15);
    AddBits(block.high_bits, TwoBitByte(i), TwoBitShift(i), code >> 4);
  }
}

void Dequantize(const BlockQ2_K& block, float* out) { DequantizeShifted(Unpack(block), 16, out); }
void Dequantize(const BlockQ3_K& block, float* out) { DequantizeScaled(Unpack(block), out); }
void Dequantize(const BlockQ4_K& block, float* out) { DequantizeShifted(Unpack(block), 32, out); }
void Dequantize(const BlockQ5_K& block, float* out) { DequantizeShifted(Unpack(block), 32, out); }
void Dequantize(const BlockQ6_K& block, float* out) { DequantizeScaled(Unpack(block), out); }

}  // namespace trinity
