#pragma once

#include <cstdint>

#include "kernels/expanded_blocks.h"

namespace trinity {

// Rows of int8 activations side by side as the kernels for many rows read them: in tiles of
// tile_rows rows, of which the last may hold fewer.
struct GatheredRows {
  const int8_t* codes;    // [tiles][num_blocks][tile_rows][32]
  const float* scales;    // [tiles][num_blocks][tile_rows]
  const int32_t* starts;  // [tiles][num_blocks][num_scales][tile_rows]: -128 * sum of the codes
  const float* sums;      // the same shape: scale * sum of the codes
  int64_t num_rows;
  int64_t num_blocks;
  int64_t num_scales;
  int64_t tile_rows;
};

// Adds the products of `weights`, which are the blocks from `first_block` on of a panel, to
// accumulators [num_rows][32]. The contract of all kernels, so that they give the same bits: for
// each block ascending, for each of its scales,
//
//   acc = fma(float(dot), scale * activation_scale, acc), dot exact in int32,
//   acc = fma(minimum, sums, acc) where the format has minimums.
using Int8Kernel = void (*)(const ExpandedBlocks& weights, const GatheredRows& rows,
                            int64_t first_block, float* accumulators);

// A kernel with what it wants of its arguments.
struct Int8KernelChoice {
  Int8Kernel multiply = nullptr;  // nullptr: the portable one, compiled for the active target
  int64_t tile_rows = 0;
  int bias = 0;  // of the expanded codes: 0 or 128
};

// The kernels for instructions that Highway lacks.
Int8KernelChoice Avx512VnniInt8Kernel();
Int8KernelChoice AmxInt8Kernel();

}  // namespace trinity
