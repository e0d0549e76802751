#include "plan/weight_share.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "kernels/packed_matrix.h"

namespace trinity {
namespace {

// Each matrix begins at such an address.
constexpr int64_t kAlignment = 64;

int64_t RoundedUp(int64_t size, int64_t unit) { return (size + unit - 1) / unit * unit; }

// The largest part of `size` that is cut between units.
int64_t LargestPart(int64_t size, int64_t unit, int64_t num_parts) {
  const int64_t num_units = (size + unit - 1) / unit;
  return std::min(size, (num_units + num_parts - 1) / num_parts * unit);
}

// The largest sizes that one rank may have of everything that is cut.
struct LargestParts {
  int64_t query_rows, key_value_rows;
  int64_t dense_cols, expert_cols, shared_cols;
  int64_t experts;
  int64_t vocabulary;
};

LargestParts PartsOf(const Config& config, const RankGrid& grid) {
  const int64_t group = config.num_attention_heads / config.num_key_value_heads;
  int64_t query_heads = 0, kv_heads = 0;
  if (grid.num_ranks <= config.num_key_value_heads) {
    kv_heads = LargestPart(config.num_key_value_heads, 1, grid.num_ranks);
    query_heads = kv_heads * group;
  } else {
    // Neighbours may begin in the middle of those that read a kv head.
    query_heads = LargestPart(config.num_attention_heads, 1, grid.num_ranks);
    kv_heads = std::min(config.num_key_value_heads, (group + query_heads - 2) / group + 1);
  }
  const int64_t ranks_of_expert = grid.num_ranks / grid.expert_groups;
  LargestParts parts{};
  parts.query_rows = query_heads * config.head_dim;
  parts.key_value_rows = kv_heads * config.head_dim;
  parts.dense_cols = LargestPart(config.intermediate_size, kCutCols, grid.num_ranks);
  parts.expert_cols = LargestPart(config.moe_intermediate_size, kCutCols, ranks_of_expert);
  parts.shared_cols = LargestPart(config.shared_intermediate_size(), kCutCols, grid.num_ranks);
  parts.experts = LargestPart(config.num_experts, 1, grid.expert_groups);
  parts.vocabulary = LargestPart(config.vocab_size, kCutCols, grid.num_ranks);
  return parts;
}

// The sizes of what is left of a tensor.
struct Sizes {
  int64_t rows, cols;
};

Sizes CutSizes(const PlannedTensor& tensor, const LargestParts& parts) {
  switch (tensor.cut) {
    case TensorCut::kWhole:
      return {tensor.rows, tensor.cols};
    case TensorCut::kQueryRows:
      return {parts.query_rows, tensor.cols};
    case TensorCut::kQueryCols:
      return {tensor.rows, parts.query_rows};
    case TensorCut::kKeyValueRows:
      return {parts.key_value_rows, tensor.cols};
    case TensorCut::kDenseRows:
      return {parts.dense_cols, tensor.cols};
    case TensorCut::kDenseCols:
      return {tensor.rows, parts.dense_cols};
    case TensorCut::kExpertRows:
      return {parts.expert_cols, tensor.cols};
    case TensorCut::kExpertCols:
      return {tensor.rows, parts.expert_cols};
    case TensorCut::kSharedRows:
      return {parts.shared_cols, tensor.cols};
    case TensorCut::kSharedCols:
      return {tensor.rows, parts.shared_cols};
    case TensorCut::kVocabularyRows:
      return {parts.vocabulary, tensor.cols};
  }
  return {tensor.rows, tensor.cols};
}

// A cut within blocks of 256 values may have the header of one more.
int64_t MatrixBytes(const PlannedTensor& tensor, const Sizes& sizes) {
  int64_t bytes = PackedBytes(tensor.dtype, sizes.rows, sizes.cols);
  if (sizes.cols < tensor.cols) {
    constexpr int64_t kLargestBlock = 256;
    for (int64_t first_col = kCutCols; first_col < kLargestBlock; first_col += kCutCols) {
      const int64_t skipped = SkippedBlocks(tensor.dtype, first_col);
      bytes = std::max(bytes, PackedBytes(tensor.dtype, sizes.rows, sizes.cols, skipped));
    }
  }
  return RoundedUp(bytes, kAlignment);
}

}  // namespace

int64_t LargestWeightShare(const Config& config, std::span<const PlannedTensor> tensors,
                           const RankGrid& grid, std::optional<int64_t> expert_cache_bytes) {
  const LargestParts parts = PartsOf(config, grid);
  int64_t bytes = expert_cache_bytes.value_or(0);
  for (const PlannedTensor& tensor : tensors) {
    if (!tensor.is_matrix) {
      bytes += BytesOf(DType::kF32, tensor.cols);
      continue;
    }
    const bool is_expert = tensor.parameter_class == ParameterClass::kRoutedExperts;
    if (is_expert && expert_cache_bytes) continue;
    bytes += (is_expert ? parts.experts : 1) * MatrixBytes(tensor, CutSizes(tensor, parts));
  }
  return bytes;
}

WeightShareReport CheckWeightShares(const Config& config, const Checkpoint& checkpoint,
                                    const RankGrid& grid, std::span<const int64_t> rank_bytes,
                                    std::optional<int64_t> expert_cache_bytes) {
  TRINITY_CHECK(static_cast<int>(rank_bytes.size()) == grid.num_ranks);
  const std::vector<PlannedTensor> tensors = PlanTensors(config, checkpoint);
  WeightShareReport report;
  report.num_ranks = grid.num_ranks;
  report.whole_bytes = LargestWeightShare(config, tensors, {}, expert_cache_bytes);
  report.bound_bytes = LargestWeightShare(config, tensors, grid, expert_cache_bytes);
  const auto largest = std::max_element(rank_bytes.begin(), rank_bytes.end());
  report.largest_rank = static_cast<int>(largest - rank_bytes.begin());
  report.largest_bytes = *largest;
  return report;
}

}  // namespace trinity
