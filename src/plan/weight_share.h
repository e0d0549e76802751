#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "checkpoint/checkpoint.h"
#include "model/config.h"
#include "model/rank_slice.h"
#include "plan/planned_tensor.h"

namespace trinity {

// The most bytes of weights that a rank of an evenly cut model has in memory: of each tensor that
// is cut a share of 1 / num_ranks, rounded up to what cannot be cut (32 columns, 32 rows of the
// vocabulary, a kv head with its query heads, a query head where there are fewer kv heads than
// ranks, an expert), and the whole of what all ranks hold. Says so from the sizes alone, not from
// what SliceOf gives to whom. `expert_cache_bytes`: for all experts, where these stay in files.
int64_t LargestWeightShare(const Config& config, std::span<const PlannedTensor> tensors,
                           const RankGrid& grid, std::optional<int64_t> expert_cache_bytes);

// What ranks hold beside what they may.
struct WeightShareReport {
  int num_ranks = 1;
  int64_t whole_bytes = 0;  // of a model that is not cut
  int64_t bound_bytes = 0;  // LargestWeightShare
  int largest_rank = 0;     // that holds most, and
  int64_t largest_bytes = 0;

  bool Passed() const { return largest_bytes <= bound_bytes; }
};

// `rank_bytes`: Model::rank_weight_bytes of a model that was loaded from this checkpoint. Throws
// Error as PlanTensors does.
WeightShareReport CheckWeightShares(const Config& config, const Checkpoint& checkpoint,
                                    const RankGrid& grid, std::span<const int64_t> rank_bytes,
                                    std::optional<int64_t> expert_cache_bytes);

}  // namespace trinity
