#include "train/attention_gradient.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "kernels/elementwise.h"
#include "model/projection.h"
#include "train/norm_gradient.h"
#include "train/product_gradient.h"

namespace trinity {
namespace {

float Dot(const float* a, const float* b, int64_t size) {
  float sum = 0;
  for (int64_t i = 0; i < size; ++i) sum += a[i] * b[i];
  return sum;
}

void AddScaled(float factor, const float* x, int64_t size, float* sum) {
  for (int64_t i = 0; i < size; ++i) sum[i] += factor * x[i];
}

Matrix Zeros(int64_t rows, int64_t cols) { return {rows, cols}; }

}  // namespace

void AttentionGradient::Add(const Step& step, const Activations& a, const Matrix& output_gradient,
                            Matrix& input_gradient, AttentionGradients& gradients) const {
  const int64_t rows = step.num_rows();
  Matrix attended_gradient = Zeros(rows, config_.query_size());
  AddProductGradient(weights_.o_proj, output_gradient, a.attended, gradients.o_proj,
                     attended_gradient, pool_);

  HeadGradients heads = {Zeros(rows, config_.query_size()), Zeros(rows, config_.key_value_size()),
                         Zeros(rows, config_.key_value_size()), Zeros(rows, config_.query_size())};
  const int64_t kv_heads = config_.num_key_value_heads;
  const auto num_sequences = static_cast<int64_t>(step.sequences().size());
  pool_.ParallelFor(num_sequences * kv_heads, [&](int64_t item, int) {
    const StepSequence& sequence = step.sequences()[static_cast<size_t>(item / kv_heads)];
    AttendBackward(sequence, item % kv_heads, a, attended_gradient, heads);
  });
  UndoNormAndRope(a, weights_.q_proj, weights_.q_norm, heads.query, gradients.q_norm);
  UndoNormAndRope(a, weights_.k_proj, weights_.k_norm, heads.key, gradients.k_norm);

  const auto add = [&](const PackedMatrix& weight, const Matrix& gradient, Matrix& of_weight) {
    AddProductGradient(weight, gradient, a.attention_input, of_weight, input_gradient, pool_);
  };
  add(weights_.q_proj, heads.query, gradients.q_proj);
  add(weights_.k_proj, heads.key, gradients.k_proj);
  add(weights_.v_proj, heads.value, gradients.v_proj);
  if (weights_.gate_proj) add(*weights_.gate_proj, heads.gate, gradients.gate_proj);
}

void AttentionGradient::AttendBackward(const StepSequence& sequence, int64_t kv_head,
                                       const Activations& a, const Matrix& attended_gradient,
                                       HeadGradients& heads) const {
  const int64_t dim = config_.head_dim;
  const int64_t group = config_.num_attention_heads / config_.num_key_value_heads;
  const float scale = 1.0F / std::sqrt(static_cast<float>(dim));
  std::vector<float> weights(static_cast<size_t>(sequence.num_rows));
  std::vector<float> output(static_cast<size_t>(dim)), output_gradient(output.size());
  std::vector<float> gates(output.size());
  for (int64_t query = 0; query < group * sequence.num_rows; ++query) {
    const int64_t row = sequence.first_row + query / group;
    const int64_t offset = (kv_head * group + query % group) * dim;
    const int64_t first =
        plan_.window ? std::max(sequence.first_row, row - *plan_.window + 1) : sequence.first_row;
    const int64_t count = row + 1 - first;
    const auto key_of = [&](int64_t i) { return a.key.Row(first + i) + kv_head * dim; };
    const auto value_of = [&](int64_t i) { return a.value.Row(first + i) + kv_head * dim; };
    const float* q = a.query.Row(row) + offset;

    for (int64_t i = 0; i < count; ++i)
      weights[static_cast<size_t>(i)] = scale * Dot(q, key_of(i), dim);
    Softmax(weights.data(), count, weights.data());
    const float* upstream = attended_gradient.Row(row) + offset;
    std::copy_n(upstream, dim, output_gradient.begin());
    if (weights_.gate_proj) {
      std::fill(output.begin(), output.end(), 0.0F);
      for (int64_t i = 0; i < count; ++i) {
        AddScaled(weights[static_cast<size_t>(i)], value_of(i), dim, output.data());
      }
      Sigmoid(a.attention_gate.Row(row) + offset, dim, gates.data());
      float* gate_gradient = heads.gate.Row(row) + offset;
      for (int64_t i = 0; i < dim; ++i) {
        const auto at = static_cast<size_t>(i);
        gate_gradient[i] = upstream[i] * output[at] * gates[at] * (1 - gates[at]);
        output_gradient[at] *= gates[at];
      }
    }

    double mean = 0;  // of dp, weighted by p
    for (int64_t i = 0; i < count; ++i) {
      const float dp = Dot(output_gradient.data(), value_of(i), dim);
      mean += static_cast<double>(weights[static_cast<size_t>(i)]) * static_cast<double>(dp);
    }
    float* query_gradient = heads.query.Row(row) + offset;
    for (int64_t i = 0; i < count; ++i) {
      const float p = weights[static_cast<size_t>(i)];
      const float dp = Dot(output_gradient.data(), value_of(i), dim);
      const float ds = scale * p * (dp - static_cast<float>(mean));
      AddScaled(ds, key_of(i), dim, query_gradient);
      AddScaled(ds, q, dim, heads.key.Row(first + i) + kv_head * dim);
      AddScaled(p, output_gradient.data(), dim, heads.value.Row(first + i) + kv_head * dim);
    }
  }
}

void AttentionGradient::UndoNormAndRope(const Activations& a, const PackedMatrix& projection,
                                        const Norm& norm, Matrix& head_gradient,
                                        Matrix& norm_gradient) const {
  const int64_t dim = config_.head_dim;
  Matrix projected;
  Project(std::array{Projection{&projection, &a.attention_input, &projected}}, pool_);
  std::vector<float> back(static_cast<size_t>(dim)), gradient(back.size());
  for (int64_t row = 0; row < projected.rows(); ++row) {
    for (int64_t offset = 0; offset < projected.cols(); offset += dim) {
      float* normed_gradient = head_gradient.Row(row) + offset;
      if (plan_.uses_rope) {
        // A rotation is undone by the opposite one.
        std::vector<float>& sin = back;
        std::transform(a.rope_sin.Row(row), a.rope_sin.Row(row) + dim / 2, sin.begin(),
                       [](float s) { return -s; });
        RotateHalves(normed_gradient, a.rope_cos.Row(row), sin.data(), dim / 2);
      }
      std::fill(gradient.begin(), gradient.end(), 0.0F);
      AddNormGradient(norm, projected.Row(row) + offset, normed_gradient, gradient.data(),
                      norm_gradient.Row(0));
      std::copy(gradient.begin(), gradient.end(), normed_gradient);
    }
  }
}

}  // namespace trinity
