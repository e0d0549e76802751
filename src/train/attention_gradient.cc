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

void AttentionGradient::Add(const Step& step, const Activations& a, const Matrix& output_gradient,
                            Matrix& input_gradient, AttentionGradients& gradients) const {
  const int64_t rows = step.num_rows();
  const int64_t query_size = weights_.q_proj.rows, key_value_size = weights_.k_proj.rows;
  Matrix attended_gradient(rows, query_size);
  AddProductGradient(weights_.o_proj, output_gradient, a.attended, gradients.o_proj,
                     attended_gradient, pool_);

  HeadGradients heads = {
      {rows, query_size}, {rows, key_value_size}, {rows, key_value_size}, {rows, query_size}};
  const Buffers buffers = {a, attended_gradient, heads};
  const auto num_groups = static_cast<int64_t>(groups_.size());
  const auto num_sequences = static_cast<int64_t>(step.sequences().size());
  pool_.ParallelFor(num_sequences * num_groups, [&](int64_t item, int) {
    AttendBackward(step.sequences()[static_cast<size_t>(item / num_groups)],
                   groups_[static_cast<size_t>(item % num_groups)], buffers);
  });
  Matrix norm_gradients(2, config_.head_dim);
  UndoNormAndRope(a, weights_.q_proj, weights_.q_norm, heads.query, norm_gradients.Row(0));
  UndoNormAndRope(a, weights_.k_proj, weights_.k_norm, heads.key, norm_gradients.Row(1));
  AddNormGradients(norm_gradients, gradients);

  const std::vector<const float*> inputs = RowsOf(a.attention_input, 0, rows);
  const auto add_input = [&](const PackedMatrix& weight, const Matrix& gradient) {
    AddInputGradient(weight, RowsOf(gradient, 0, rows), OutputRows(input_gradient, 0, rows), pool_);
  };
  AddWeightGradient(RowsOf(heads.query, 0, rows), inputs, gradients.q_proj, pool_);
  AddKeyValueGradient(heads.key, a, gradients.k_proj);
  AddKeyValueGradient(heads.value, a, gradients.v_proj);
  add_input(weights_.q_proj, heads.query);
  add_input(weights_.k_proj, heads.key);
  add_input(weights_.v_proj, heads.value);
  if (weights_.gate_proj) {
    AddWeightGradient(RowsOf(heads.gate, 0, rows), inputs, gradients.gate_proj, pool_);
    add_input(*weights_.gate_proj, heads.gate);
  }
  ranks_.Sum(input_gradient.values());
}

void AttentionGradient::AddNormGradients(Matrix& of_own_heads,
                                         AttentionGradients& gradients) const {
  ranks_.Sum(of_own_heads.values());
  const auto add = [&](int64_t row, Matrix& gradient) {
    trinity::Add(gradient.Row(0), of_own_heads.Row(row), config_.head_dim, gradient.Row(0));
  };
  add(0, gradients.q_norm);
  add(1, gradients.k_norm);
}

// Ranks that hold the same kv head add up what each has, and all have the sum.
void AttentionGradient::AddKeyValueGradient(const Matrix& head_gradient, const Activations& a,
                                            Matrix& weight_gradient) const {
  const int64_t rows = head_gradient.rows();
  const std::vector<const float*> outputs = RowsOf(head_gradient, 0, rows);
  const std::vector<const float*> inputs = RowsOf(a.attention_input, 0, rows);
  if (ranks_.size() <= config_.num_key_value_heads) {
    return AddWeightGradient(outputs, inputs, weight_gradient, pool_);
  }
  Matrix own(weight_gradient.rows(), weight_gradient.cols());
  AddWeightGradient(outputs, inputs, own, pool_);
  Matrix all(config_.key_value_size(), weight_gradient.cols());
  const int64_t first = slice_.kv_heads.begin * config_.head_dim;
  for (int64_t row = 0; row < own.rows(); ++row) {
    std::copy_n(own.Row(row), own.cols(), all.Row(first + row));
  }
  ranks_.Sum(all.values());
  for (int64_t row = 0; row < own.rows(); ++row) {
    float* sum = weight_gradient.Row(row);
    trinity::Add(sum, all.Row(first + row), own.cols(), sum);
  }
}

void AttentionGradient::AttendBackward(const StepSequence& sequence, const HeadGroup& group,
                                       const Buffers& buffers) const {
  VisibleRows visible;
  const int64_t end = sequence.first_row + sequence.num_rows;
  const int64_t offset = group.kv_head * config_.head_dim;
  for (int64_t row = sequence.first_row; row < end; ++row) {
    visible.first =
        plan_.window ? std::max(sequence.first_row, row - *plan_.window + 1) : sequence.first_row;
    visible.keys.clear();
    visible.values.clear();
    for (int64_t seen = visible.first; seen <= row; ++seen) {
      visible.keys.push_back(buffers.a.key.Row(seen) + offset);
      visible.values.push_back(buffers.a.value.Row(seen) + offset);
    }
    RowBackward(row, group, visible, buffers);
  }
}

// The queries of one row and kv head see the same keys and values.
void AttentionGradient::RowBackward(int64_t row, const HeadGroup& heads, const VisibleRows& visible,
                                    const Buffers& buffers) const {
  const int64_t dim = config_.head_dim;
  const int64_t group = heads.num_query_heads;
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
    const int64_t offset = (heads.first_query_head + i) * dim;
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
    AddWeightedRows(rows, column.data(), dim,
                    gradient.Row(visible.first + j) + heads.kv_head * dim);
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
                                        float* norm_gradient) const {
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
                      norm_gradient);
      std::copy(gradient.begin(), gradient.end(), normed_gradient);
    }
  }
}

}  // namespace trinity
