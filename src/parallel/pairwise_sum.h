#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace trinity {

// rows[0] = the sum of all rows of `size` values, in pairs: ((0 + 1) + (2 + 3)) + ((4 + 5) + ...).
// Uses the other rows as scratch. Where a power of two of neighbouring ranks have summed their rows
// so, the sum of their sums has the bits of the sum of all.
inline void SumInPairs(std::span<float* const> rows, int64_t size) {
  for (size_t step = 1; step < rows.size(); step *= 2) {
    for (size_t row = 0; row + step < rows.size(); row += 2 * step) {
      for (int64_t i = 0; i < size; ++i) rows[row][i] += rows[row + step][i];
    }
  }
}

}  // namespace trinity
