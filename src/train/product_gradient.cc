#include "train/product_gradient.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "model/projection.h"

namespace trinity {
namespace {

void AddScaled(float factor, const float* x, int64_t size, float* sum) {
  for (int64_t i = 0; i < size; ++i) sum[i] += factor * x[i];
}

std::vector<const float*> RowsOf(const Matrix& matrix) {
  std::vector<const float*> rows;
  for (int64_t row = 0; row < matrix.rows(); ++row) rows.push_back(matrix.Row(row));
  return rows;
}

}  // namespace

void AddWeightGradient(std::span<const float* const> outputs, std::span<const float* const> inputs,
                       Matrix& weight_gradient, ThreadPool& pool) {
  TRINITY_CHECK(outputs.size() == inputs.size());
  ForEachRow(pool, weight_gradient.rows(), [&](int64_t out) {
    float* sum = weight_gradient.Row(out);
    for (size_t row = 0; row < inputs.size(); ++row) {
      AddScaled(outputs[row][out], inputs[row], weight_gradient.cols(), sum);
    }
  });
}

// A thread takes some rows through all of W, each row of which it unpacks once for all of them.
void AddInputGradient(const PackedMatrix& weight, std::span<const float* const> outputs,
                      std::span<float* const> input_gradients, ThreadPool& pool) {
  TRINITY_CHECK(outputs.size() == input_gradients.size());
  const auto num_rows = static_cast<int64_t>(outputs.size());
  const int64_t per_item = (num_rows + pool.num_threads() - 1) / pool.num_threads();
  if (num_rows == 0) return;
  pool.ParallelFor((num_rows + per_item - 1) / per_item, [&](int64_t item, int) {
    static thread_local std::vector<float> weights;
    weights.resize(static_cast<size_t>(weight.cols));
    const int64_t end = std::min(num_rows, (item + 1) * per_item);
    for (int64_t out = 0; out < weight.rows; ++out) {
      UnpackRow(weight, out, weights.data());
      for (int64_t row = item * per_item; row < end; ++row) {
        const auto index = static_cast<size_t>(row);
        AddScaled(outputs[index][out], weights.data(), weight.cols, input_gradients[index]);
      }
    }
  });
}

void AddProductGradient(const PackedMatrix& weight, const Matrix& output_gradient,
                        const Matrix& input, Matrix& weight_gradient, Matrix& input_gradient,
                        ThreadPool& pool) {
  const std::vector<const float*> outputs = RowsOf(output_gradient);
  AddWeightGradient(outputs, RowsOf(input), weight_gradient, pool);
  std::vector<float*> input_gradients;
  for (int64_t row = 0; row < input_gradient.rows(); ++row) {
    input_gradients.push_back(input_gradient.Row(row));
  }
  AddInputGradient(weight, outputs, input_gradients, pool);
}

}  // namespace trinity
