#pragma once

#include <array>
#include <cstdint>
#include <limits>

#include "quant/scale_search.h"

namespace trinity {

// Blocks of 256 values in groups of 16 or 32, whose scales are small integers times a scale of the
// block.

// value = group_scale * scales[group] * levels[i]
struct ScaledGroups {
  float group_scale = 0;  // a binary16 number
  std::array<int8_t, 16> scales{};
  std::array<int8_t, 256> levels{};
  double error = std::numeric_limits<double>::infinity();
};

struct ScaleRange {
  int lowest;
  int highest;
};

// Fits every group by itself, then in turn picks integers and levels for the block's scale and the
// block's scale for them, while the weighted squared error falls.
ScaledGroups SearchScaledGroups(const IntegerLevels& levels, ScaleRange range,
                                const WeightedValues& v, size_t group_values);
ScaledGroups SearchScaledGroups(const TableLevels& levels, ScaleRange range,
                                const WeightedValues& v, size_t group_values);

}  // namespace trinity
