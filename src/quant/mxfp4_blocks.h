#pragma once

#include <array>
#include <cstdint>

#include "quant/block_formats.h"

namespace trinity {

// MXFP4 of the OCP Microscaling specification 1.0: 4-bit floats (E2M1) that share a power of two
// (E8M0), in ggml's order.

// The values of E2M1, doubled so that they are integers; code 8, minus zero, is zero.
inline constexpr std::array<int8_t, 16> kE2M1Doubled = {0, 1,  2,  3,  4,  6,  8,  12,
                                                        0, -1, -2, -3, -4, -6, -8, -12};

// Value i is scale * kE2M1Doubled[codes[i]].
struct Mxfp4Parts {
  float scale = 0;                  // half of 2^(exponent - 127)
  std::array<uint8_t, 32> codes{};  // 0..15
};

// 2^(exponent - 128). The specification calls exponent 255 NaN; ggml reads it as 2^128, as here.
float Mxfp4Scale(uint8_t exponent);

Mxfp4Parts Unpack(const BlockMXFP4& block);

// Writes 32 values.
void Dequantize(const BlockMXFP4& block, float* out);

}  // namespace trinity
