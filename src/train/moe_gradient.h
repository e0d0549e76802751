#pragma once

#include <cstddef>

#include "base/thread_pool.h"
#include "model/activations.h"
#include "model/config.h"
#include "model/model.h"
#include "model/weights.h"
#include "parallel/communicator.h"
#include "train/gradients.h"

namespace trinity {

// The way back through Moe::Forward. The router gets its gradient through the scores of the chosen
// experts; which experts were chosen is taken as given, and expert_bias has no gradient.
class MoeGradient {
 public:
  MoeGradient(const Model& model, size_t layer)
      : config_(model.config()),
        weights_(*model.weights().layers[layer].moe),
        pool_(model.pool()),
        ranks_(model.ranks()) {}

  // `output_gradient`: of a.mlp_output. input_gradient, zero before, becomes that of a.mlp_input,
  // on every rank.
  void Add(const Activations& a, const Matrix& output_gradient, Matrix& input_gradient,
           MoeGradients& gradients) const;

 private:
  // Of the logits of one row, [num_experts], from the gradients of the weights of its choices.
  void RouterLogitGradient(const Routing& routing, int64_t row, const float* weight_gradients,
                           float* logit_gradient) const;

  const Config& config_;
  const MoeWeights& weights_;
  ThreadPool& pool_;
  Communicator& ranks_;
};

}  // namespace trinity
