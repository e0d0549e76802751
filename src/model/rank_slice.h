#pragma once

#include <cstdint>

#include "model/config.h"

namespace trinity {

// Indices [begin, end).
struct IndexRange {
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }
};

// Share `rank` of [0, size) among `num_ranks`, cut at multiples of `unit`: whole units, as evenly
// as they go, the first ranks one more; empty where there are fewer units than ranks.
IndexRange ShareOf(int64_t size, int64_t unit, int num_ranks, int rank);

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
  IndexRange expert_cols;  // of moe_intermediate_size, in every expert
  IndexRange shared_cols;  // of shared_intermediate_size()
  IndexRange vocabulary;
};

// Attention is cut between kv heads while there are enough of them, and between query heads beyond
// that: kv heads then stand on several ranks.
RankSlice SliceOf(const Config& config, int num_ranks, int rank);

}  // namespace trinity
