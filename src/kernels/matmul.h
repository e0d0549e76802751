#pragma once

#include <cstdint>
#include <span>

#include "kernels/packed_matrix.h"

namespace trinity {

// Columns whose products are summed by themselves before the sum is added to the output. With it
// the order of additions of an output is: for each block of 256 columns ascending, fused
// multiply-adds over the columns ascending from 0; then output + block. It is part of the contract
// (numerics.md).
inline constexpr int64_t kSumBlockCols = 256;

enum class Output { kOverwrite, kAddTo };

// outputs[i][r] = (or +=) sum over k of inputs[i][k] * W[r][k], in float32, for every activation
// row i and the rows r of panels [first_panel, first_panel + num_panels). inputs[i] points to
// [cols] floats, outputs[i] to [W.rows] floats. Any alignment. One thread's work: callers cut a
// matrix into ranges of panels. The weights of the range come from memory once, however many rows
// there are.
void MatMulPanels(const PackedMatrix& matrix, int64_t first_panel, int64_t num_panels,
                  std::span<const float* const> inputs, std::span<float* const> outputs,
                  Output output);

// Bytes of weights that MatMulPanels has streamed since the process began, over all threads: each
// call counts its panels once.
int64_t WeightBytesStreamed();

}  // namespace trinity
