#include "model/router.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "kernels/elementwise.h"
#include "model/projection.h"

namespace trinity {

Router::Router(const Config& config, const RouterWeights& weights, ThreadPool& pool)
    : config_(config), weights_(weights), pool_(pool) {}

void Router::Forward(const Matrix& mlp_input, Routing& routing) const {
  Project(std::array{Projection{&weights_.gate, &mlp_input, &routing.logits}}, pool_);
  const int64_t num_rows = mlp_input.rows();
  const auto num_choices = static_cast<size_t>(num_rows * config_.num_experts_per_tok);
  routing.scores.Resize(num_rows, config_.num_experts);
  routing.experts.resize(num_choices);
  routing.expert_weights.resize(num_choices);
  ForEachRow(pool_, num_rows, [&](int64_t row) {
    const auto score = config_.score_func == ScoreFunction::kSigmoid ? Sigmoid : Softmax;
    score(routing.logits.Row(row), config_.num_experts, routing.scores.Row(row));
    Choose(row, routing);
    Weigh(row, routing);
  });
  GroupByExpert(num_rows, routing);
}

void Router::Choose(int64_t row, Routing& routing) const {
  const float* scores = routing.scores.Row(row);
  const float* bias = weights_.expert_bias.data();
  static thread_local std::vector<int32_t> order;
  order.resize(static_cast<size_t>(config_.num_experts));
  std::iota(order.begin(), order.end(), 0);
  const auto end_of_chosen = order.begin() + config_.num_experts_per_tok;
  std::partial_sort(order.begin(), end_of_chosen, order.end(), [&](int32_t a, int32_t b) {
    const float rank_a = scores[a] + bias[a], rank_b = scores[b] + bias[b];
    return rank_a != rank_b ? rank_a > rank_b : a < b;
  });
  std::copy(order.begin(), end_of_chosen,
            routing.experts.begin() + row * config_.num_experts_per_tok);
}

void Router::Weigh(int64_t row, Routing& routing) const {
  // Keeps the quotient finite where all chosen scores are 0.
  constexpr float kGuard = 1e-20F;
  const int64_t first = row * config_.num_experts_per_tok;
  const int64_t end = first + config_.num_experts_per_tok;
  const auto score_of = [&](int64_t choice) {
    const auto expert = static_cast<size_t>(routing.experts[static_cast<size_t>(choice)]);
    const float score = routing.scores.Row(row)[expert];
    return weights_.bias_enters_weights ? score + weights_.expert_bias[expert] : score;
  };
  float sum = 0;
  for (int64_t choice = first; choice < end; ++choice) sum += score_of(choice);
  const bool is_normed = config_.route_norm && config_.score_func == ScoreFunction::kSigmoid;
  for (int64_t choice = first; choice < end; ++choice) {
    const float share = is_normed ? score_of(choice) / (sum + kGuard) : score_of(choice);
    routing.expert_weights[static_cast<size_t>(choice)] = share * config_.route_scale;
  }
}

void Router::GroupByExpert(int64_t num_rows, Routing& routing) const {
  routing.first_slot.assign(static_cast<size_t>(config_.num_experts) + 1, 0);
  for (const int32_t expert : routing.experts) {
    ++routing.first_slot[static_cast<size_t>(expert) + 1];
  }
  std::partial_sum(routing.first_slot.begin(), routing.first_slot.end(),
                   routing.first_slot.begin());
  routing.chosen.clear();
  for (int32_t expert = 0; expert < config_.num_experts; ++expert) {
    const auto index = static_cast<size_t>(expert);
    if (routing.first_slot[index] < routing.first_slot[index + 1]) routing.chosen.push_back(expert);
  }
  routing.slots.resize(routing.experts.size());
  static thread_local std::vector<int64_t> next;
  next = routing.first_slot;
  for (int64_t row = 0; row < num_rows; ++row) {
    for (int64_t i = 0; i < config_.num_experts_per_tok; ++i) {
      const auto choice = static_cast<size_t>(row * config_.num_experts_per_tok + i);
      const auto expert = static_cast<size_t>(routing.experts[choice]);
      routing.slots[static_cast<size_t>(next[expert]++)] = {static_cast<int32_t>(row),
                                                            routing.expert_weights[choice]};
    }
  }
}

}  // namespace trinity
