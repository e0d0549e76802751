#pragma once

#include <cstdint>

namespace trinity {

// Some blocks of 32 columns of a panel in the one form that kernels for many rows read, whatever
// the format: made when a panel is taken up, used for all rows of activations.
struct ExpandedBlocks {
  uint8_t* codes;   // [num_blocks][8 groups][32 rows][4 columns]: int8, or plus 128 as uint8
  float* scales;    // [num_blocks][num_scales][32 rows]
  float* minimums;  // the same, where has_minimums
  int64_t num_blocks;
  int64_t num_scales;  // 1, or 2 for columns [0, 16) and [16, 32)
  bool has_minimums;
};

}  // namespace trinity
