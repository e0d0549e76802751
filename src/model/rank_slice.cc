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

IndexRange ShareOf(int64_t size, int64_t unit, int num_ranks, int rank) {
  TRINITY_CHECK(num_ranks > 0 && rank >= 0 && rank < num_ranks);
  const int64_t num_units = (size + unit - 1) / unit;
  const int64_t each = num_units / num_ranks, more = num_units % num_ranks;
  const int64_t begin = rank * each + std::min<int64_t>(rank, more);
  const int64_t end = begin + each + (rank < more ? 1 : 0);
  return {std::min(begin * unit, size), std::min(end * unit, size)};
}

RankSlice SliceOf(const Config& config, int num_ranks, int rank) {
  RankSlice slice;
  CutHeads(config, num_ranks, rank, slice);
  slice.dense_cols = ShareOf(config.intermediate_size, kCutCols, num_ranks, rank);
  slice.expert_cols = ShareOf(config.moe_intermediate_size, kCutCols, num_ranks, rank);
  slice.shared_cols = ShareOf(config.shared_intermediate_size(), kCutCols, num_ranks, rank);
  slice.vocabulary = ShareOf(config.vocab_size, kCutCols, num_ranks, rank);
  return slice;
}

}  // namespace trinity
