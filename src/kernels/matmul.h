#pragma once

#include <cstdint>
#include <span>

#include "kernels/activation_form.h"
#include "kernels/packed_matrix.h"

namespace trinity {

// Columns whose products are summed by themselves before the sum is added to the output, in
// float32. With it the order of additions of an output is: for each block of 256 columns ascending,
// fused multiply-adds over the columns ascending from 0; then output + block. It is part of the
// contract (numerics.md). The order in int8 stands in kernels/int8_kernel.h.
inline constexpr int64_t kSumBlockCols = 256;

enum class Output { kOverwrite, kAddTo };

// Rows as PrepareRow wrote them, aligned to 4 bytes.
struct ActivationRows {
  ActivationForm form;
  std::span<const std::byte* const> rows;
};

// Panels [first_panel, first_panel + num_panels) of a matrix, and a row of its outputs for each row
// of activations: [matrix->rows] floats, of any alignment.
struct MatMulPart {
  const PackedMatrix* matrix;
  int64_t first_panel;
  int64_t num_panels;
  std::span<float* const> outputs;
};

// outputs[i][r] = (or +=) sum over k of inputs[i][k] * W[r][k], for every activation row i and the
// rows r of the panels of each part. One thread's work: callers cut matrices into ranges of panels.
// The weights of a part come from memory once, however many rows there are; the rows are put in
// order once for all parts.
//
// With float32 rows the products and sums are float32, and the weights the float32 numbers that
// they stand for. Int8 rows need a block format; what of a row's codes and weights' codes shares a
// scale is summed in integers, the rest in float32.
void MatMulParts(std::span<const MatMulPart> parts, const ActivationRows& inputs, Output output);

// The same for one part.
void MatMulPanels(const PackedMatrix& matrix, int64_t first_panel, int64_t num_panels,
                  const ActivationRows& inputs, std::span<float* const> outputs, Output output);

// The same for float32 rows of any alignment.
void MatMulPanels(const PackedMatrix& matrix, int64_t first_panel, int64_t num_panels,
                  std::span<const float* const> inputs, std::span<float* const> outputs,
                  Output output);

// Bytes of weights that were streamed since the process began, over all threads: each part counts
// its panels once.
int64_t WeightBytesStreamed();

}  // namespace trinity
