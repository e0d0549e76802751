#pragma once

#include <bit>
#include <cstdint>

namespace trinity {

// Scalar conversions of the 16-bit formats: the truth that kernels are tested against.

// bfloat16: the upper half of a float32.
inline float BFloat16ToFloat(uint16_t bits) { return std::bit_cast<float>(uint32_t{bits} << 16); }

// Rounds to nearest, ties to even; NaN stays NaN.
uint16_t FloatToBFloat16(float value);

// IEEE 754 binary16.
float Float16ToFloat(uint16_t bits);

// Rounds to nearest, ties to even; too large becomes infinity; NaN stays NaN.
uint16_t FloatToFloat16(float value);

}  // namespace trinity
