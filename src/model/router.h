#pragma once

#include "base/thread_pool.h"
#include "model/activations.h"
#include "model/config.h"
#include "model/weights.h"

namespace trinity {

// Chooses experts for each row: the num_experts_per_tok largest of score + expert_bias (ties: the
// lower index), weighted by score alone. All in float32.
class Router {
 public:
  Router(const Config& config, const RouterWeights& weights, ThreadPool& pool);

  // mlp_input -> routing
  void Forward(const Matrix& mlp_input, Routing& routing) const;

 private:
  void Choose(int64_t row, Routing& routing) const;
  void Weigh(int64_t row, Routing& routing) const;
  void GroupByExpert(int64_t num_rows, Routing& routing) const;

  const Config& config_;
  const RouterWeights& weights_;
  ThreadPool& pool_;
};

}  // namespace trinity
