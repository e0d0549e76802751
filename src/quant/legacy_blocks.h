#pragma once

#include <array>
#include <cstdint>

#include "quant/block_formats.h"

namespace trinity {

// The formats of 32 values with one scale: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1.

// A block with its codes side by side: value i is scale * codes[i] + minimum.
struct LegacyParts {
  uint16_t scale = 0;              // binary16
  uint16_t minimum = 0;            // binary16; 0 in Q8_0, Q4_0, Q5_0
  std::array<int8_t, 32> codes{};  // with their offset taken off: -8..7 in Q4_0
};

LegacyParts Unpack(const BlockQ8_0& block);
LegacyParts Unpack(const BlockQ4_0& block);
LegacyParts Unpack(const BlockQ4_1& block);
LegacyParts Unpack(const BlockQ5_0& block);
LegacyParts Unpack(const BlockQ5_1& block);

void Pack(const LegacyParts& parts, BlockQ8_0& block);
void Pack(const LegacyParts& parts, BlockQ4_0& block);
void Pack(const LegacyParts& parts, BlockQ4_1& block);
void Pack(const LegacyParts& parts, BlockQ5_0& block);
void Pack(const LegacyParts& parts, BlockQ5_1& block);

// Writes 32 values.
void Dequantize(const BlockQ8_0& block, float* out);
void Dequantize(const BlockQ4_0& block, float* out);
void Dequantize(const BlockQ4_1& block, float* out);
void Dequantize(const BlockQ5_0& block, float* out);
void Dequantize(const BlockQ5_1& block, float* out);

// The nibbles of a block of 32 and back: byte j holds code j (low) and j + 16 (high).
void UnpackNibbles(const uint8_t* nibbles, uint8_t* codes);
void PackNibbles(const uint8_t* codes, uint8_t* nibbles);

}  // namespace trinity
