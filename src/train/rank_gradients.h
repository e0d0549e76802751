#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/memory_block.h"
#include "model/model.h"

namespace trinity {

using GradientVisit = std::function<void(const std::string& name, const Matrix& gradient)>;

// Has all ranks of the model compute its gradients, each those of the weights that it holds, and
// calls visit with one after another as they are of the whole model, in the order of
// Gradients::ForEach. Beside what this rank holds no more than one tensor stands in memory. Returns
// the loss. To be called with the model of rank 0, whose others were loaded with FollowGradients
// for their tasks. Throws what ComputeGradients throws, and RankLost.
double VisitGradients(const Model& model, std::span<const std::vector<int32_t>> sequences,
                      const GradientVisit& visit);

// The RankTask of VisitGradients, which needs none of the caches.
void FollowGradients(const Model& model, MirroredCaches& caches, std::span<const int64_t> words);

}  // namespace trinity
