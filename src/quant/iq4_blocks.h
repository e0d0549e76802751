#pragma once

#include <array>
#include <cstdint>

#include "quant/block_formats.h"

namespace trinity {

// The 4-bit formats with levels that are denser around zero: IQ4_NL (32 values) and IQ4_XS (256).

inline constexpr std::array<int8_t, 16> kIq4Levels = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                      1,    13,   25,  38,  53,  69,  89,  113};

// Value i is scale * kIq4Levels[codes[i]].
struct Iq4NlParts {
  uint16_t scale = 0;               // binary16
  std::array<uint8_t, 32> codes{};  // 0..15
};

// Value i is (group_scale * scales[i / 32]) * kIq4Levels[codes[i]].
struct Iq4XsParts {
  uint16_t group_scale = 0;          // binary16
  std::array<int8_t, 8> scales{};    // -32..31
  std::array<uint8_t, 256> codes{};  // 0..15
};

Iq4NlParts Unpack(const BlockIQ4_NL& block);
Iq4XsParts Unpack(const BlockIQ4_XS& block);

void Pack(const Iq4NlParts& parts, BlockIQ4_NL& block);
void Pack(const Iq4XsParts& parts, BlockIQ4_XS& block);

// Writes 32 or 256 values.
void Dequantize(const BlockIQ4_NL& block, float* out);
void Dequantize(const BlockIQ4_XS& block, float* out);

}  // namespace trinity
