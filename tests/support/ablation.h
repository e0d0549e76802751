#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/model.h"

namespace trinity {

// What a model is made of, before it is one.
struct ModelParts {
  Config config;
  std::vector<LayerPlan> plans;
  Weights weights;
};

// A feature of the architecture and how to take it out. The forward pass is the one that runs
// always: only the facts that it reads are changed.
struct Ablation {
  std::string feature;
  std::function<void(ModelParts&)> take_out;
};

const std::vector<Ablation>& Ablations();

}  // namespace trinity
