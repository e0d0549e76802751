#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/memory_block.h"
#include "base/thread_pool.h"
#include "kernels/packed_matrix.h"

namespace trinity {

// The way back through y = x W^T, for W [out, in]. `outputs` are the gradients of rows of y,
// `inputs` the rows x that these came from, [rows] each.
//
// Sums are float32 in an order that depends on the rows alone: of a weight over rows ascending, of
// an input over outputs ascending. The result is the same to the bit for any number of threads.

// Pointers to rows [first, first + count) of a matrix.
std::vector<const float*> RowsOf(const Matrix& matrix, int64_t first, int64_t count);

// weight_gradient [out, in] += sum over rows of dy^T x.
void AddWeightGradient(std::span<const float* const> outputs, std::span<const float* const> inputs,
                       Matrix& weight_gradient, ThreadPool& pool);

// input_gradients[i] [in] += dy[i] W.
void AddInputGradient(const PackedMatrix& weight, std::span<const float* const> outputs,
                      std::span<float* const> input_gradients, ThreadPool& pool);

// Both for whole matrices of rows.
void AddProductGradient(const PackedMatrix& weight, const Matrix& output_gradient,
                        const Matrix& input, Matrix& weight_gradient, Matrix& input_gradient,
                        ThreadPool& pool);

}  // namespace trinity
