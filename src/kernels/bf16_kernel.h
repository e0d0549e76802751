#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/matmul.h"

namespace trinity {

// Columns that stand side by side in a gathered row of BF16 activations.
inline constexpr int64_t kBf16BlockCols = 256;

// Rows of BF16 activations as a kernel takes them at a time. The last rows of a tile may be
// missing; columns behind the last are zero up to the end of their block.
struct Bf16Tile {
  const uint16_t* rows;  // [blocks of kBf16BlockCols][tile_rows][kBf16BlockCols]
  int64_t num_rows;
};

// sums [num_rows][32] = the products of a panel of a BF16 matrix and a tile. Each product and sum
// is as the CPU's instruction rounds it, pairs of columns ascending, the same for any number of
// rows.
using Bf16Kernel = void (*)(const std::byte* panel, int64_t cols, const Bf16Tile& tile,
                            float* sums);

// A kernel with what it wants of its arguments.
struct Bf16KernelChoice {
  Bf16Kernel multiply;
  int64_t tile_rows;
  void (*begin)(int64_t num_rows);  // before and
  void (*end)();                    // after the tiles of num_rows rows; nullptr: nothing to do
};

inline constexpr int64_t kMostBf16TileRows = 32;

Bf16KernelChoice Avx512Bf16Kernel();
Bf16KernelChoice AmxBf16Kernel();

// With BF16 rows and matrices, on a CPU level that has a kernel for them.
void Bf16MatMul(std::span<const MatMulPart> parts, std::span<const std::byte* const> inputs,
                Output output);

}  // namespace trinity
