#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>

namespace trinity {

// The numbers that the codes of a format stand for, and the nearest of them to a value.

// All integers from lowest to highest.
struct IntegerLevels {
  float lowest;
  float highest;

  float Nearest(float value) const {
    // Adding and taking away 1.5 * 2^23 rounds to the nearest integer, ties to even.
    constexpr float kRound = 12582912.0F;
    return std::min(std::max(value, lowest), highest) + kRound - kRound;
  }
};

// Any integers from -128 to 127. Halfway between two of them lies a multiple of one half, so
// between two such multiples the nearest is the same everywhere.
class TableLevels {
 public:
  explicit TableLevels(std::span<const int8_t> levels) {
    lowest = *std::min_element(levels.begin(), levels.end());
    highest = *std::max_element(levels.begin(), levels.end());
    for (size_t i = 0; i < nearest_.size(); ++i) {
      const float inside = (static_cast<float>(i) - kZero) / 2 + 0.25F;
      nearest_[i] = *std::min_element(levels.begin(), levels.end(), [&](int8_t a, int8_t b) {
        return std::abs(a - inside) < std::abs(b - inside);
      });
    }
  }

  float Nearest(float value) const {
    return nearest_[static_cast<size_t>(std::min(std::max(value, lowest), highest) * 2 + kZero)];
  }

  float lowest = 0;
  float highest = 0;

 private:
  static constexpr float kZero = 256;  // the index of the value 0
  std::array<float, 512> nearest_{};
};

}  // namespace trinity
