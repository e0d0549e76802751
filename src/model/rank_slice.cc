#include "model/rank_slice.h"

#include <algorithm>

#include "base/check.h"

namespace trinity {
namespace {

void CutHeads(const Config& config, int num_ranks, int rank, RankSlice& slice) {
  const int64_t group = config.num_attention_heads / config.num_key_value_heads;
  if (num_ranks <= config.num_key_value_heads) {
    slice.kv_heads = ShareOf(config.num_key_value_heads, 1, num_ranks, rank);
    slice.query_heads = {slice.kv_heads.begin * group, slice.kv_heads.end * group};
    return;
  }
  slice.query_heads = ShareOf(config.num_attention_heads, 1, num_ranks, rank);
  if (slice.query_heads.size() == 0) return;
  slice.kv_heads = {slice.query_heads.begin / group, (slice.query_heads.end - 1) / group + 1};
}

}  // namespace

IndexRange VocabularyOf(const Config& config, int num_ranks, int rank) {
  return ShareOf(config.vocab_size, kCutCols, num_ranks, rank);
}

RankSlice SliceOf(const Config& config, const RankGrid& grid, int rank) {
  const int num_ranks = grid.num_ranks;
  TRINITY_CHECK(grid.expert_groups > 0 && num_ranks % grid.expert_groups == 0);
  const int group_ranks = num_ranks / grid.expert_groups;
  RankSlice slice;
  CutHeads(config, num_ranks, rank, slice);
  slice.dense_cols = ShareOf(config.intermediate_size, kCutCols, num_ranks, rank);
  slice.experts = ShareOf(config.num_experts, 1, grid.expert_groups, rank / group_ranks);
  slice.expert_cols =
      ShareOf(config.moe_intermediate_size, kCutCols, group_ranks, rank % group_ranks);
  slice.shared_cols = ShareOf(config.shared_intermediate_size(), kCutCols, num_ranks, rank);
  slice.vocabulary = VocabularyOf(config, num_ranks, rank);
  return slice;
}

}  // namespace trinity
