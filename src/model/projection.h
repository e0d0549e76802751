#pragma once

#include <cstdint>
#include <span>

#include "base/memory_block.h"
#include "base/thread_pool.h"
#include "kernels/matmul.h"
#include "model/prepared_rows.h"

namespace trinity {

// output = input W^T, row by row.
struct Projection {
  const PackedMatrix* matrix;  // [out, in]
  const Matrix* input;         // [rows, in]
  Matrix* output;              // [rows, out], resized
};

// Computes projections of one input side by side, in one parallel region.
void Project(std::span<const Projection> projections, ThreadPool& pool);

// Panels of a matrix that one work item takes: few enough that all threads stay busy to the end,
// and with many rows enough that copying activations for the item costs little beside multiplying
// them.
int64_t PanelsPerItem(int64_t num_panels, int64_t num_rows, int num_threads);

// The input of a group of matrices, rounded as they ask for. Of few rows each thread makes its own
// copy, which takes less time than waiting for each other; many are rounded in a parallel loop when
// this is made. One at a time.
class GroupInput {
 public:
  GroupInput(const Matrix& values, PreparedRows::Forms forms, ThreadPool& pool);

  const std::byte* Row(ActivationForm form, int64_t row) const {
    return (shared_ != nullptr ? *shared_ : OfThisThread()).Row(form, values_, row);
  }

 private:
  const PreparedRows& OfThisThread() const;

  const Matrix& values_;
  PreparedRows::Forms forms_;
  uint64_t id_;
  const PreparedRows* shared_ = nullptr;
};

// Pointers to rows [first, first + count) of a matrix, in memory that the thread keeps; good until
// its next call.
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
