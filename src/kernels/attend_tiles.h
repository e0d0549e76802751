// The work of AttendBlock for many queries in tile registers, and the choice between the ways.
// Included once per SIMD target.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "hwy/highway.h"
#include "kernels/attend_scores.h"
#include "kernels/attend_values.h"
#include "kernels/bf16_tiles.h"
#include "kernels/kv_unpack.h"

#if defined(TRINITY_KERNELS_ATTEND_TILES_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRINITY_KERNELS_ATTEND_TILES_H_
#undef TRINITY_KERNELS_ATTEND_TILES_H_
#else
#define TRINITY_KERNELS_ATTEND_TILES_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Rows of which each begins in another place of the nearest cache.
constexpr int64_t kQueryStride = kKeyDims + 32;
constexpr int64_t kWeightStride = kAttentionBlockTokens + 32;
HWY_INLINE int64_t SumStride(int64_t head_dim) { return head_dim + 16; }

// What meets in the tile registers, bfloat16.
struct TileOperands {
  HWY_ALIGN uint16_t query_slices[kAttentionTileQueries][kQueryStride];
  HWY_ALIGN uint16_t weights[kAttentionTileQueries][kWeightStride];
  HWY_ALIGN uint16_t pairs[std::max(kKeyDims * kKvChunkTokens, kKvSliceDims* kKvPageTokens)];
};

// As ComputeScores; head_dim is a multiple of 32.
template <class Format>
void ComputeScoresInTiles(const KvBlock& block, AttendTile& tile, TileOperands& operands) {
  const auto num_queries = static_cast<int64_t>(tile.queries.size());
  const SeenParts seen = FindSeenParts(tile.queries, kKvChunkTokens);
  std::memset(tile.scores, 0, tile.queries.size() * sizeof(tile.scores[0]));
  for (DimSlice dims = {0, 0}; dims.first < block.head_dim; dims.first += kKeyDims) {
    dims.size = std::min(kKeyDims, block.head_dim - dims.first);
    for (size_t q = 0; q < tile.queries.size(); ++q) {
      RoundToBF16Row(tile.queries[q].query + dims.first, dims.size, operands.query_slices[q]);
    }
    for (int64_t i = 0; i < seen.size; ++i) {
      Format::UnpackKeys(Format::KeysOf(block.KeysOf(seen.parts[i]), dims.first), dims.size,
                         tile.keys);
      PackBF16Pairs(tile.keys, kKvChunkTokens, dims.size, kKvChunkTokens, operands.pairs);
      AddBF16Product({operands.query_slices[0], kQueryStride, num_queries, operands.pairs,
                      dims.size, kKvChunkTokens, tile.scores[0] + seen.parts[i] * kKvChunkTokens,
                      kScoreStride});
    }
  }
}

// Whether all queries see all positions [first, end).
HWY_INLINE bool AllSee(std::span<const BlockQuery> queries, int64_t first, int64_t end) {
  return std::all_of(queries.begin(), queries.end(), [=](const BlockQuery& query) {
    return query.first <= first && query.end >= end;
  });
}

// As WeighValues. What only some queries see is not multiplied in tiles, where the others would
// multiply it by 0.
template <class Format>
void WeighValuesInTiles(const KvBlock& block, AttendTile& tile, TileOperands& operands) {
  using Unpacked = UnpackedOf<Format>;
  const auto num_queries = static_cast<int64_t>(tile.queries.size());
  const SeenParts seen = FindSeenParts(tile.queries, kKvPageTokens);
  for (size_t q = 0; q < tile.queries.size(); ++q) {
    RoundToBF16Row(tile.scores[q], kAttentionBlockTokens, operands.weights[q]);
    std::fill_n(tile.queries[q].partial->values, block.head_dim, 0.0F);
  }
  float* sums = tile.queries.front().partial->values;
  for (int64_t i = 0; i < seen.size; ++i) {
    const int64_t page = seen.parts[i];
    for (DimSlice slice = {0, 0}; slice.first < block.head_dim; slice.first += kKvSliceDims) {
      slice.size = std::min(kKvSliceDims, block.head_dim - slice.first);
      Format::UnpackValues(Format::ValuesOf(block.ValuesOf(page), slice, tile.value_scales),
                           tile.values);
      for (int64_t token = 0; token < kKvPageTokens;) {
        const int64_t first = page * kKvPageTokens + token;
        const int64_t page_end = (page + 1) * kKvPageTokens;
        const int64_t end =
            token == 0 && AllSee(tile.queries, first, page_end) ? page_end : first + kPairedTerms;
        if (AllSee(tile.queries, first, end)) {
          PackBF16Pairs(tile.values + token * slice.size, slice.size, end - first, slice.size,
                        operands.pairs);
          AddBF16Product({operands.weights[0] + first, kWeightStride, num_queries, operands.pairs,
                          end - first, slice.size, sums + slice.first, SumStride(block.head_dim)});
        } else {
          WeighPositions<Unpacked>(UnpackedSlice<Unpacked>(tile.values, slice.size), first, end,
                                   slice.first, tile);
        }
        token += end - first;
      }
    }
  }
}

// Queries with room of their own for values side by side.
struct SideBySide {
  SideBySide(std::span<const BlockQuery> from, int64_t head_dim) {
    static thread_local std::vector<float> values;
    const int64_t stride = SumStride(head_dim);
    values.resize(from.size() * static_cast<size_t>(stride));
    for (size_t q = 0; q < from.size(); ++q) {
      partials[q] = {0, 0, values.data() + static_cast<int64_t>(q) * stride};
      queries[q] = from[q];
      queries[q].partial = &partials[q];
    }
  }
  AttentionPartial partials[kAttentionTileQueries];
  BlockQuery queries[kAttentionTileQueries];
};

template <class Format>
void AttendInTiles(const KvBlock& block, float scale, AttendTile& tile) {
  static thread_local TileOperands operands;
  const std::span<const BlockQuery> asked = tile.queries;
  const SideBySide own(asked, block.head_dim);
  tile.queries = {own.queries, asked.size()};
  ComputeScoresInTiles<Format>(block, tile, operands);
  for (size_t q = 0; q < asked.size(); ++q) {
    ScoresToWeights<Format>(tile.queries[q], scale, tile.scores[q]);
  }
  WeighValuesInTiles<Format>(block, tile, operands);
  for (size_t q = 0; q < asked.size(); ++q) {
    AttentionPartial& partial = *asked[q].partial;
    partial.max = own.partials[q].max;
    partial.sum = own.partials[q].sum;
    std::copy_n(own.partials[q].values, block.head_dim, partial.values);
  }
  tile.queries = asked;
}

template <class Format>
void AttendQueries(std::span<const BlockQuery> queries, const KvBlock& block, float scale) {
  AttendTile tile;
  const bool may_use_tiles =
      Format::kInPairs && block.head_dim % kPairedTerms == 0 && HasBF16Tiles();
  for (; !queries.empty(); queries = queries.subspan(tile.queries.size())) {
    tile.queries = queries.first(std::min(queries.size(), size_t{kAttentionTileQueries}));
    if constexpr (Format::kInPairs) {
      if (may_use_tiles && tile.queries.size() > kFewQueries) {
        AttendInTiles<Format>(block, scale, tile);
        continue;
      }
    }
    ComputeScores<Format>(block, tile);
    for (size_t q = 0; q < tile.queries.size(); ++q) {
      ScoresToWeights<Format>(tile.queries[q], scale, tile.scores[q]);
    }
    WeighValues<Format>(block, tile);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
