#include "train/attention_gradient.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "kernels/elementwise.h"
#include "kernels/row_sums.h"
#include "model/projection.h"
#include "train/norm_gradient.h"
#include "train/product_gradient.h"

namespace trinity {
namespace {}  // namespace

void AttentionGradient::Add(const Step& step, const Activations& a, const Matrix& output_gradient,
                            Matrix& input_gradient, AttentionGradients& gradients) const {
  const int64_t rows = step.num_rows();
  const int64_t query_size = config_.query_size(), key_value_size = config_.key_value_size();
  Matrix attended_gradient(rows, query_size);
  AddProductGradient(weights_.o_proj, output_gradient, a.attended, gradients.o_proj,
                     attended_gradient, pool_);

  HeadGradients heads = {
      {rows, query_size}, {rows, key_value_size}, {rows, key_value_size}, {rows, query_size}};
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
  VisibleRows visible;
  const int64_t end = sequence.first_row + sequence.num_rows;
  for (int64_t row = sequence.first_row; row < end; ++row) {
    visible.first =
        plan_.window ? std::max(sequence.first_row, row - *plan_.window + 1) : sequence.first_row;
    visible.keys.clear();
    visible.values.clear();
    for (int64_t seen = visible.first; seen <= row; ++seen) {
      visible.keys.push_back(a.key.Row(seen) + kv_head * config_.head_dim);
      visible.values.push_back(a.value.Row(seen) + kv_head * config_.head_dim);
    }
    RowBackward(row, kv_head, visible, {a, attended_gradient, heads});
  }
}

// The queries of one row and kv head see the same keys and values.
void AttentionGradient::RowBackward(int64_t row, int64_t kv_head, const VisibleRows& visible,
                                    const Buffers& buffers) const {
  const int64_t dim = config_.head_dim;
  const int64_t group = config_.num_attention_heads / config_.num_key_value_heads;
  const auto count = static_cast<int64_t>(visible.keys.size());
  const float scale = 1.0F / std::sqrt(static_cast<float>(dim));
  static thread_local std::vector<float> weights;           // p [group, count]
  static thread_local std::vector<float> score_gradients;   // ds [group, count]
  static thread_local std::vector<float> output_gradients;  // do [group, head_dim]
  weights.resize(static_cast<size_t>(group * count));
  score_gradients.resize(weights.size());
  output_gradients.resize(static_cast<size_t>(group * dim));
  std::vector<const float*> queries, outputs;
  for (int64_t i = 0; i < group; ++i) {
    const int64_t offset = (kv_head * group + i) * dim;
    const float* query = buffers.a.query.Row(row) + offset;
    float* p = weights.data() + i * count;
    float* ds = score_gradients.data() + i * count;
    float* output = output_gradients.data() + i * dim;
    queries.push_back(query);
    outputs.push_back(output);

    DotRows(query, visible.keys, dim, p);
    Scale(p, scale, count);
    Softmax(p, count, p);
    UndoGate({row, offset}, visible, p, buffers, output);
    DotRows(output, visible.values, dim, ds);
    double mean = 0;  // of dp, weighted by p
    for (int64_t j = 0; j < count; ++j) {
      mean += static_cast<double>(p[j]) * static_cast<double>(ds[j]);
    }
    for (int64_t j = 0; j < count; ++j) ds[j] = scale * p[j] * (ds[j] - static_cast<float>(mean));
    AddWeightedRows(visible.keys, ds, dim, buffers.heads.query.Row(row) + offset);
  }
  std::vector<float> column(static_cast<size_t>(group));
  const auto add_column = [&](const std::vector<float>& of, int64_t j,
                              std::span<const float* const> rows, Matrix& gradient) {
    for (int64_t i = 0; i < group; ++i) {
      column[static_cast<size_t>(i)] = of[static_cast<size_t>(i * count + j)];
    }
    AddWeightedRows(rows, column.data(), dim, gradient.Row(visible.first + j) + kv_head * dim);
  };
  for (int64_t j = 0; j < count; ++j) {
    add_column(score_gradients, j, queries, buffers.heads.key);
    add_column(weights, j, outputs, buffers.heads.value);
  }
}

void AttentionGradient::UndoGate(const HeadPlace& place, const VisibleRows& visible,
                                 const float* weights, const Buffers& buffers,
                                 float* output_gradient) const {
  const int64_t dim = config_.head_dim;
  const float* upstream = buffers.attended_gradient.Row(place.row) + place.offset;
  std::copy_n(upstream, dim, output_gradient);
  if (!weights_.gate_proj) return;
  std::vector<float> output(static_cast<size_t>(dim)), gates(output.size());
  AddWeightedRows(visible.values, weights, dim, output.data());
  Sigmoid(buffers.a.attention_gate.Row(place.row) + place.offset, dim, gates.data());
  float* gate_gradient = buffers.heads.gate.Row(place.row) + place.offset;
  for (int64_t i = 0; i < dim; ++i) {
    const float gate = gates[static_cast<size_t>(i)];
    gate_gradient[i] = upstream[i] * output[static_cast<size_t>(i)] * gate * (1 - gate);
    output_gradient[i] = upstream[i] * gate;
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
