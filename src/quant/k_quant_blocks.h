#pragma once

#include <array>
#include <cstdint>

#include "quant/block_formats.h"

namespace trinity {

// The k-quants: 256 values in groups of 16 or 32, each group with small integers of its own.

// Q3_K and Q6_K, groups of 16: value i is (group_scale * scales[i / 16]) * codes[i].
struct KScaledParts {
  uint16_t group_scale = 0;         // binary16
  std::array<int8_t, 16> scales{};  // -32..31 in Q3_K, -128..127 in Q6_K
  std::array<int8_t, 256> codes{};  // -4..3 in Q3_K, -32..31 in Q6_K
};

// Q2_K (16 groups of 16), Q4_K and Q5_K (8 groups of 32): value i of group g is
// (group_scale * scales[g]) * codes[i] - group_minimum * minimums[g].
struct KShiftedParts {
  uint16_t group_scale = 0;            // binary16
  uint16_t group_minimum = 0;          // binary16
  std::array<uint8_t, 16> scales{};    // 0..15 in Q2_K, else 0..63
  std::array<uint8_t, 16> minimums{};  // the same
  std::array<int8_t, 256> codes{};     // 0..3, 0..15, 0..31
};

KShiftedParts Unpack(const BlockQ2_K& block);
KScaledParts Unpack(const BlockQ3_K& block);
KShiftedParts Unpack(const BlockQ4_K& block);
KShiftedParts Unpack(const BlockQ5_K& block);
KScaledParts Unpack(const BlockQ6_K& block);

void Pack(const KShiftedParts& parts, BlockQ2_K& block);
void Pack(const KScaledParts& parts, BlockQ3_K& block);
void Pack(const KShiftedParts& parts, BlockQ4_K& block);
void Pack(const KShiftedParts& parts, BlockQ5_K& block);
void Pack(const KScaledParts& parts, BlockQ6_K& block);

// Writes 256 values.
void Dequantize(const BlockQ2_K& block, float* out);
void Dequantize(const BlockQ3_K& block, float* out);
void Dequantize(const BlockQ4_K& block, float* out);
void Dequantize(const BlockQ5_K& block, float* out);
void Dequantize(const BlockQ6_K& block, float* out);

}  // namespace trinity
