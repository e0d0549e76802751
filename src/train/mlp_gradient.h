#pragma once

#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "model/activations.h"
#include "model/weights.h"
#include "train/gradients.h"

namespace trinity {

// Some rows on their way through one SwiGLU, hidden = weight silu(gate) up, whose down projection
// was added to an output.
struct MlpRows {
  const MlpActivations* activations;
  int64_t first_row;                           // of the activations
  std::vector<const float*> inputs;            // [rows], [hidden_size] each
  std::vector<const float*> output_gradients;  // [rows], [hidden_size] each
  std::vector<float*> input_gradients;         // [rows], [hidden_size] each, added to
  std::vector<float> weights;                  // [rows]: 1 but in experts

  void Add(const float* input, const float* output_gradient, float* input_gradient, float weight);
};

// The way back through it, or through the columns of it that are on this rank, whose part of the
// inputs' gradients is added. Returns that part of the gradients of the rows' weights, [rows].
std::vector<float> AddMlpGradient(const MlpWeights& mlp, const MlpRows& rows,
                                  MlpGradients& gradients, ThreadPool& pool);

}  // namespace trinity
