#pragma once

#include <cstdint>

#include "model/config.h"
#include "parallel/index_share.h"

namespace trinity {

// Columns of an intermediate size are cut between blocks of so many, which every block format
// allows in packed matrices.
inline constexpr int64_t kCutCols = 32;

// What one of `num_ranks` ranks holds of each layer under tensor parallelism (Megatron-LM,
// arXiv:1909.08053): query heads with the kv heads that they read, columns of each MLP and of each
// expert, rows of embedding and head. Norms and routers are whole on every rank. A rank may have
// nothing of a kind.
struct RankSlice {
  IndexRange query_heads;
  IndexRange kv_heads;
  IndexRange dense_cols;   // of intermediate_size
  IndexRange experts;      // of num_experts
  IndexRange expert_cols;  // of moe_intermediate_size, in every expert that it holds
  IndexRange shared_cols;  // of shared_intermediate_size()
  IndexRange vocabulary;
};

// How a model is cut: each expert over all ranks, or, in several expert groups, the experts among
// the groups and each expert over the ranks of its group. num_ranks is a multiple of expert_groups.
struct RankGrid {
  int num_ranks = 1;
  int expert_groups = 1;
};

// Attention is cut between kv heads while there are enough of them, and between query heads beyond
// that: kv heads then stand on several ranks.
RankSlice SliceOf(const Config& config, const RankGrid& grid, int rank);

// RankSlice::vocabulary of a rank, whatever else is cut.
IndexRange VocabularyOf(const Config& config, int num_ranks, int rank);

}  // namespace trinity
