#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "checkpoint/checkpoint.h"
#include "convert/quant_recipe.h"
#include "model/config.h"
#include "model/memory_plan.h"
#include "model/rank_slice.h"

namespace trinity {

// Which part of a tensor a rank holds.
enum class TensorCut : uint8_t {
  kWhole,
  kQueryRows,     // rows of its query heads
  kQueryCols,     // columns of its query heads
  kKeyValueRows,  // rows of its kv heads
  kDenseRows,     // rows of its columns of the hidden layer, and so on
  kDenseCols,
  kExpertRows,
  kExpertCols,
  kSharedRows,
  kSharedCols,
  kVocabularyRows,
};

// A tensor of a model as it will stand in memory, or one projection of all experts of a layer.
struct PlannedTensor {
  ParameterClass parameter_class = ParameterClass::kNorms;
  int64_t count = 1;  // num_experts of a projection of experts
  int64_t rows = 1;
  int64_t cols = 0;
  bool is_matrix = false;  // else float32, whatever the file has
  DType dtype = DType::kF32;
  TensorCut cut = TensorCut::kWhole;

  // Of one of `count`: bytes in a rank's memory, matrices packed, and how many values these are.
  int64_t ResidentBytes(const Config& config, const RankSlice& slice) const;
  double HeldValues(const Config& config, const RankSlice& slice) const;

 private:
  struct Shape {
    int64_t rows;
    int64_t cols;
  };
  Shape HeldShape(const Config& config, const RankSlice& slice) const;
};

// The names of the types that a model can be planned in: f32, f16, bf16 and those of
// kQuantRecipeNames.
std::vector<std::string> PlannedTypeNames();

// The tensors of a model of this shape in a type of PlannedTypeNames().
std::vector<PlannedTensor> PlanTensors(const Config& config, std::string_view type);

// The tensors of a checkpoint as they are. Throws Error as ListModelTensors does.
std::vector<PlannedTensor> PlanTensors(const Config& config, const Checkpoint& checkpoint);

}  // namespace trinity
