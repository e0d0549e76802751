#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "quant/scale_search.h"

namespace trinity {

// Blocks of 256 values in groups of 16 or 32, whose scales and minimums are small integers times
// two numbers of the block.

// value = group_scale * scales[group] * codes[i] - group_minimum * minimums[group]
struct ShiftedGroups {
  float group_scale = 0;    // a binary16 number
  float group_minimum = 0;  // a binary16 number
  std::array<uint8_t, 16> scales{};
  std::array<uint8_t, 16> minimums{};
  std::array<int8_t, 256> codes{};
  double error = std::numeric_limits<double>::infinity();
};

// Fits every group by itself, then in turn picks integers and codes for the block's two numbers and
// these for them, while the weighted squared error falls. Codes from 0 to highest_code, scales and
// minimums from 0 to highest_scale.
ShiftedGroups SearchShiftedGroups(int highest_code, int highest_scale, const WeightedValues& v,
                                  size_t group_values);

}  // namespace trinity
