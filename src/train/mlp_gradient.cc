#include "train/mlp_gradient.h"

#include "kernels/elementwise.h"
#include "model/projection.h"
#include "train/product_gradient.h"

namespace trinity {
void MlpRows::Add(const float* input, const float* output_gradient, float* input_gradient,
                  float weight) {
  inputs.push_back(input);
  output_gradients.push_back(output_gradient);
  input_gradients.push_back(input_gradient);
  weights.push_back(weight);
}

std::vector<float> AddMlpGradient(const MlpWeights& mlp, const MlpRows& rows,
                                  MlpGradients& gradients, ThreadPool& pool) {
  const auto count = static_cast<int64_t>(rows.inputs.size());
  const MlpActivations& a = *rows.activations;
  const int64_t size = mlp.down_proj.cols;
  std::vector<float> weight_gradients(rows.inputs.size());
  if (size == 0) return weight_gradients;  // nothing of it is on this rank
  AddWeightGradient(rows.output_gradients, RowsOf(a.hidden, rows.first_row, count),
                    gradients.down_proj, pool);
  Matrix hidden(count, size);  // gradients, then those of gate in place
  Matrix up(count, size);
  AddInputGradient(mlp.down_proj, rows.output_gradients, OutputRows(hidden, 0, count), pool);

  ForEachRow(pool, count, [&](int64_t i) {
    const float* gate = a.gate.Row(rows.first_row + i);
    const float* up_value = a.up.Row(rows.first_row + i);
    const float weight = rows.weights[static_cast<size_t>(i)];
    std::vector<float> sigmoid(static_cast<size_t>(size));
    Sigmoid(gate, size, sigmoid.data());
    double weight_gradient = 0;
    for (int64_t j = 0; j < size; ++j) {
      const float s = sigmoid[static_cast<size_t>(j)];
      const float silu = gate[j] * s;
      const float upstream = hidden.Row(i)[j];
      weight_gradient += static_cast<double>(upstream * silu * up_value[j]);
      up.Row(i)[j] = upstream * weight * silu;
      hidden.Row(i)[j] = upstream * weight * up_value[j] * s * (1 + gate[j] * (1 - s));
    }
    weight_gradients[static_cast<size_t>(i)] = static_cast<float>(weight_gradient);
  });
  const auto add = [&](const PackedMatrix& weight, const Matrix& gradient, Matrix& of_weight) {
    const std::vector<const float*> outputs = RowsOf(gradient, 0, count);
    AddWeightGradient(outputs, rows.inputs, of_weight, pool);
    AddInputGradient(weight, outputs, rows.input_gradients, pool);
  };
  add(mlp.gate_proj, hidden, gradients.gate_proj);
  add(mlp.up_proj, up, gradients.up_proj);
  return weight_gradients;
}

}  // namespace trinity
