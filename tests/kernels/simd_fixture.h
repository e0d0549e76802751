#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "kernels/simd_target.h"
#include "quant/half.h"
#include "tests/support/simd_targets.h"

namespace trinity {

// a * b + c as the active target's kernels compute it: rounded once where it has fused
// multiply-add, else twice.
inline float MultiplyAdd(float a, float b, float c) {
  static std::string known_target;
  static bool is_fused = false;
  if (const std::string target = ActiveSimdTarget(); target != known_target) {
    known_target = target;
    is_fused = !target.starts_with("S");  // all but SSSE3, SSE4 and SCALAR
  }
  return is_fused ? std::fma(a, b, c) : a * b + c;
}

inline std::vector<float> RandomFloats(int64_t size, uint32_t seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(size));
  for (float& value : values) value = normal(generator);
  return values;
}

inline constexpr DType kFloatDTypes[] = {DType::kF32, DType::kF16, DType::kBF16};

// Values in another dtype, and as float32 again after rounding.
struct RoundedValues {
  std::vector<std::byte> bytes;
  std::vector<float> floats;
};

inline RoundedValues RoundTo(DType dtype, const std::vector<float>& values) {
  const auto value_bytes = static_cast<size_t>(BytesOf(dtype, 1));
  RoundedValues rounded{std::vector<std::byte>(values.size() * value_bytes), values};
  for (size_t i = 0; i < values.size(); ++i) {
    std::byte* to = rounded.bytes.data() + i * value_bytes;
    if (dtype == DType::kF32) {
      std::memcpy(to, &values[i], sizeof(float));
      continue;
    }
    const bool is_f16 = dtype == DType::kF16;
    const uint16_t bits = is_f16 ? FloatToFloat16(values[i]) : FloatToBFloat16(values[i]);
    rounded.floats[i] = is_f16 ? Float16ToFloat(bits) : BFloat16ToFloat(bits);
    std::memcpy(to, &bits, sizeof(bits));
  }
  return rounded;
}

inline uint32_t BitsOf(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

}  // namespace trinity
