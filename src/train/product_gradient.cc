#include "train/product_gradient.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "kernels/row_sums.h"
#include "model/projection.h"

namespace trinity {
namespace {

// Rows of W as float32, a panel at a time.
class UnpackedPanel {
 public:
  explicit UnpackedPanel(const PackedMatrix& matrix)
      : matrix_(matrix), values_(static_cast<size_t>(kPanelRows * matrix.cols)) {
    for (int64_t i = 0; i < kPanelRows; ++i) rows_.push_back(values_.data() + i * matrix.cols);
  }

  std::span<const float* const> Unpack(int64_t panel) {
    const int64_t first = panel * kPanelRows;
    const int64_t count = std::min(kPanelRows, matrix_.rows - first);
    for (int64_t i = 0; i < count; ++i) {
      UnpackRow(matrix_, first + i, values_.data() + i * matrix_.cols);
    }
    return std::span(rows_).first(static_cast<size_t>(count));
  }

 private:
  const PackedMatrix& matrix_;
  std::vector<float> values_;       // [kPanelRows, cols]
  std::vector<const float*> rows_;  // [kPanelRows]
};

}  // namespace

std::vector<const float*> RowsOf(const Matrix& matrix, int64_t first, int64_t count) {
  std::vector<const float*> rows;
  for (int64_t row = first; row < first + count; ++row) rows.push_back(matrix.Row(row));
  return rows;
}

void AddWeightGradient(std::span<const float* const> outputs, std::span<const float* const> inputs,
                       Matrix& weight_gradient, ThreadPool& pool) {
  TRINITY_CHECK(outputs.size() == inputs.size());
  ForEachRow(pool, weight_gradient.rows(), [&](int64_t out) {
    static thread_local std::vector<float> column;  // of the output gradients
    column.resize(outputs.size());
    for (size_t row = 0; row < outputs.size(); ++row) column[row] = outputs[row][out];
    AddWeightedRows(inputs, column.data(), weight_gradient.cols(), weight_gradient.Row(out));
  });
}

// A thread takes some rows through all of W, which it unpacks once for all of them.
void AddInputGradient(const PackedMatrix& weight, std::span<const float* const> outputs,
                      std::span<float* const> input_gradients, ThreadPool& pool) {
  TRINITY_CHECK(outputs.size() == input_gradients.size());
  const auto num_rows = static_cast<int64_t>(outputs.size());
  if (num_rows == 0 || weight.rows == 0 || weight.cols == 0) return;
  const int64_t per_item = (num_rows + pool.num_threads() - 1) / pool.num_threads();
  pool.ParallelFor((num_rows + per_item - 1) / per_item, [&](int64_t item, int) {
    const int64_t end = std::min(num_rows, (item + 1) * per_item);
    UnpackedPanel unpacked(weight);
    for (int64_t panel = 0; panel < weight.num_panels(); ++panel) {
      const std::span<const float* const> rows = unpacked.Unpack(panel);
      for (int64_t row = item * per_item; row < end; ++row) {
        const auto index = static_cast<size_t>(row);
        AddWeightedRows(rows, outputs[index] + panel * kPanelRows, weight.cols,
                        input_gradients[index]);
      }
    }
  });
}

void AddProductGradient(const PackedMatrix& weight, const Matrix& output_gradient,
                        const Matrix& input, Matrix& weight_gradient, Matrix& input_gradient,
                        ThreadPool& pool) {
  const std::vector<const float*> outputs = RowsOf(output_gradient, 0, output_gradient.rows());
  AddWeightGradient(outputs, RowsOf(input, 0, input.rows()), weight_gradient, pool);
  AddInputGradient(weight, outputs, OutputRows(input_gradient, 0, input_gradient.rows()), pool);
}

}  // namespace trinity
