#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/model.h"
#include "train/gradients.h"

namespace trinity {

// A loss over some sequences and its gradients.
struct LossAndGradients {
  double loss = 0;  // mean cross entropy of the next token, over all targets
  int64_t num_targets = 0;
  Gradients gradients;
};

// The mean cross entropy of each token but the first of every sequence after those before it, in
// nats, with the gradients of all weights: one forward pass whose activations are kept, and the way
// back. The same bits for any number of threads.
//
// Of a model that is cut among ranks each of them calls it with the same sequences: it computes the
// gradients of what it holds, and has the same loss and the same gradients of what all hold, to the
// bit (VisitGradients in train/rank_gradients.h does all that). The same number of ranks gives the
// same bits.
//
// The model must compute in float32 (ComputeMode::kF32) from F32, F16 or BF16 weights. Takes memory
// for the gradients (as much as float32 weights), for the activations of all tokens in each layer,
// and for tokens * vocab_size logits. Throws Error where the weights are of a block format, a
// sequence has fewer than two tokens, or an id is not in the vocabulary; RankLost.
LossAndGradients ComputeGradients(const Model& model,
                                  std::span<const std::vector<int32_t>> sequences);

// Throws what ComputeGradients throws before it computes anything.
void CheckHasLoss(const Model& model, std::span<const std::vector<int32_t>> sequences);

}  // namespace trinity
