#pragma once

#include <cstdint>
#include <span>

#include "base/memory_block.h"
#include "base/thread_pool.h"
#include "kernels/matmul.h"

namespace trinity {

// output = input W^T, row by row.
struct Projection {
  const PackedMatrix* matrix;  // [out, in]
  const Matrix* input;         // [rows, in]
  Matrix* output;              // [rows, out], resized
};

// Computes projections of as many rows side by side, in one parallel region.
void Project(std::span<const Projection> projections, ThreadPool& pool);

// Panels of a matrix that one work item takes: few enough that all threads stay busy to the end,
// and with many rows enough that copying activations for the item costs little beside multiplying
// them.
int64_t PanelsPerItem(int64_t num_panels, int64_t num_rows, int num_threads);

// Pointers to `count` rows of a matrix, in memory that the thread keeps; good until its next call
// with the same purpose.
std::span<const float* const> InputRows(const Matrix& matrix, int64_t first, int64_t count);
std::span<float* const> OutputRows(Matrix& matrix, int64_t first, int64_t count);

// Calls function(row) for rows [0, rows): in parallel where there are enough of them to pay for it.
template <typename Function>
void ForEachRow(ThreadPool& pool, int64_t rows, const Function& function) {
  constexpr int64_t kRowsPerItem = 4;
  if (rows <= kRowsPerItem) {
    for (int64_t row = 0; row < rows; ++row) function(row);
    return;
  }
  pool.ParallelFor((rows + kRowsPerItem - 1) / kRowsPerItem, [&](int64_t item, int) {
    const int64_t end = std::min(rows, (item + 1) * kRowsPerItem);
    for (int64_t row = item * kRowsPerItem; row < end; ++row) function(row);
  });
}

}  // namespace trinity
