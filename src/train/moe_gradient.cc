#include "train/moe_gradient.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "train/mlp_gradient.h"
#include "train/product_gradient.h"

namespace trinity {

void MoeGradient::Add(const Activations& a, const Matrix& output_gradient, Matrix& input_gradient,
                      MoeGradients& gradients) const {
  const Routing& routing = a.routing;
  const int64_t choices = config_.num_experts_per_tok;
  Matrix weight_gradients(a.mlp_input.rows(), choices);  // as routing.expert_weights
  for (const int32_t expert : routing.chosen) {
    const auto e = static_cast<size_t>(expert);
    const int64_t first = routing.first_slot[e], end = routing.first_slot[e + 1];
    MlpRows rows = {&a.experts, first, {}, {}, {}, {}};
    for (int64_t slot = first; slot < end; ++slot) {
      const ExpertSlot& s = routing.slots[static_cast<size_t>(slot)];
      rows.Add(a.mlp_input.Row(s.row), output_gradient.Row(s.row), input_gradient.Row(s.row),
               s.weight);
    }
    const std::vector<float> found =
        AddMlpGradient(weights_.experts[e], rows, gradients.experts[e], pool_);
    for (int64_t slot = first; slot < end; ++slot) {
      const int64_t row = routing.slots[static_cast<size_t>(slot)].row;
      const auto begin = routing.experts.begin() + row * choices;
      const int64_t choice = std::find(begin, begin + choices, expert) - begin;
      TRINITY_CHECK(choice < choices);
      weight_gradients.Row(row)[choice] = found[static_cast<size_t>(slot - first)];
    }
  }
  if (weights_.shared_experts) {
    MlpRows rows = {&a.shared_experts, 0, {}, {}, {}, {}};
    for (int64_t row = 0; row < a.mlp_input.rows(); ++row) {
      rows.Add(a.mlp_input.Row(row), output_gradient.Row(row), input_gradient.Row(row), 1.0F);
    }
    AddMlpGradient(*weights_.shared_experts, rows, *gradients.shared_experts, pool_);
  }

  // Each rank has some experts, or some columns of each. The router is whole on all of them.
  ranks_.Sum(weight_gradients.values());
  ranks_.Sum(input_gradient.values());
  Matrix logit_gradients(a.mlp_input.rows(), config_.num_experts);
  for (int64_t row = 0; row < a.mlp_input.rows(); ++row) {
    RouterLogitGradient(routing, row, weight_gradients.Row(row), logit_gradients.Row(row));
  }
  AddProductGradient(weights_.router.gate, logit_gradients, a.mlp_input, gradients.router,
                     input_gradient, pool_);
}

void MoeGradient::RouterLogitGradient(const Routing& routing, int64_t row,
                                      const float* weight_gradients, float* logit_gradient) const {
  const int64_t choices = config_.num_experts_per_tok;
  const float* scores = routing.scores.Row(row);
  const int32_t* experts = routing.experts.data() + row * choices;
  const bool is_sigmoid = config_.score_func == ScoreFunction::kSigmoid;
  const bool is_normed = config_.route_norm && is_sigmoid;
  // weight = route_scale * score / sum, or without the sum.
  double sum = 0, product = 0;
  for (int64_t i = 0; i < choices; ++i) {
    sum += static_cast<double>(scores[experts[i]]);
    product += static_cast<double>(weight_gradients[i]) * static_cast<double>(scores[experts[i]]);
  }
  const double divisor = is_normed ? sum + 1e-20 : 1;
  const double shift = is_normed ? product / divisor : 0;
  const auto score_gradient = [&](int64_t i) {
    return static_cast<double>(config_.route_scale) *
           (static_cast<double>(weight_gradients[i]) - shift) / divisor;
  };
  double mean = 0;  // of the gradients, weighted by the scores: what a softmax takes off
  for (int64_t i = 0; i < choices; ++i) {
    mean += score_gradient(i) * static_cast<double>(scores[experts[i]]);
  }
  std::fill_n(logit_gradient, config_.num_experts, 0.0F);
  if (!is_sigmoid) {
    for (int64_t e = 0; e < config_.num_experts; ++e) {
      logit_gradient[e] = static_cast<float>(-mean * static_cast<double>(scores[e]));
    }
  }
  for (int64_t i = 0; i < choices; ++i) {
    const auto score = static_cast<double>(scores[experts[i]]);
    const double slope = is_sigmoid ? score * (1 - score) : score;
    logit_gradient[experts[i]] += static_cast<float>(score_gradient(i) * slope);
  }
}

}  // namespace trinity
