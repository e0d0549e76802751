#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "model/model.h"

namespace trinity {

// How far a gradient may be from that of another implementation, relative to its largest value.
inline constexpr double kGradientTolerance = 1e-4;

struct GradientDifference {
  std::string name;     // of the weight
  double largest = 0;   // difference of a value
  double relative = 0;  // to the largest value of the tensor
};

struct GradientReport {
  double loss = 0;
  double loss_difference = 0;
  std::vector<GradientDifference> tensors;  // those of the golden

  bool Passed() const;
};

// Compares loss and gradients with those of a golden: input_ids [B, T] I64, loss [1] F32 and
// grad.<weight> of the weight's shape, F32; of experts one by one or in the fused form, all of a
// layer together. Of a model on several ranks rank 0 calls it, as VisitGradients says. Throws Error
// where the golden holds none, or does not fit the model.
GradientReport CheckGradients(const Model& model, const Checkpoint& golden);

}  // namespace trinity
