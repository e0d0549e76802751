#pragma once

#include <cstdint>

#include "kernels/expanded_blocks.h"

namespace trinity {

// Rows of int8 activations side by side, as a kernel for many rows takes them at a time. The last
// rows of a tile may be missing; their memory may hold anything.
struct Int8Tile {
  const int8_t* codes;    // [num_blocks][tile_rows][32]
  const float* scales;    // [num_blocks][tile_rows]
  const int32_t* starts;  // [num_blocks][num_scales][tile_rows]: -128 * sum of the codes
  const float* sums;      // the same shape: scale * sum of the codes
  int64_t num_rows;
};

// sums [num_rows][32] = the products of a panel and a tile. The contract of all kernels, so that
// they give the same bits: from 0, for each block ascending, for each of its scales,
//
//   sum = fma(float(dot), scale * activation_scale, sum), dot exact in int32,
//   sum = fma(minimum, activation sum, sum) where the format has minimums.
//
// Only what a kernel asks for in its choice is there: starts, or codes of bias 0.
using Int8Kernel = void (*)(const ExpandedBlocks& weights, const Int8Tile& tile, float* sums);

// No kernel takes more rows at a time.
inline constexpr int64_t kMostInt8TileRows = 32;

// A kernel with what it wants of its arguments.
struct Int8KernelChoice {
  Int8Kernel multiply;
  int64_t tile_rows;
  int bias;                           // of the expanded codes: 0, or 128, which `starts` takes off
  void (*begin)(int64_t num_scales);  // before and
  void (*end)();                      // after some calls of one thread; nullptr: nothing to do
};

// The kernels for instructions that Highway lacks.
Int8KernelChoice Avx512VnniInt8Kernel();
Int8KernelChoice AmxInt8Kernel();
Int8KernelChoice AvxVnniInt8Kernel();
Int8KernelChoice Avx2Int8Kernel();
Int8KernelChoice NeonDotInt8Kernel();

}  // namespace trinity
