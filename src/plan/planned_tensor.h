#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "checkpoint/checkpoint.h"
#include "convert/weight_type.h"
#include "model/config.h"
#include "model/memory_plan.h"
#include "model/rank_slice.h"
#include "model/tensor_cut.h"

namespace trinity {

// A tensor of a model as it will stand in memory, or one projection of all experts of a layer.
struct PlannedTensor {
  ParameterClass parameter_class = ParameterClass::kNorms;
  int64_t count = 1;  // num_experts of a projection of experts
  int64_t rows = 1;
  int64_t cols = 0;
  bool is_matrix = false;  // else float32, whatever the file has
  DType dtype = DType::kF32;
  TensorCut cut = TensorCut::kWhole;

  // How many of `count` a rank holds: of experts those of its group.
  int64_t HeldCount(const RankSlice& slice) const;
  // Of one of `count`: bytes in a rank's memory, matrices packed, and how many values these are.
  int64_t ResidentBytes(const Config& config, const RankSlice& slice) const;
  double HeldValues(const Config& config, const RankSlice& slice) const;

 private:
  MatrixPart Held(const Config& config, const RankSlice& slice) const;
};

// The tensors of a model of this shape in a type, as a GGUF file of it has them.
std::vector<PlannedTensor> PlanTensors(const Config& config, WeightType type);
// By the type's name in WeightTypeNames().
std::vector<PlannedTensor> PlanTensors(const Config& config, std::string_view type);

// The tensors of a checkpoint as they are, experts of several dtypes as if all were of the largest.
// Throws Error as ListModelTensors does.
std::vector<PlannedTensor> PlanTensors(const Config& config, const Checkpoint& checkpoint);

}  // namespace trinity
