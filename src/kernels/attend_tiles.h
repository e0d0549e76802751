// The work of AttendBlock in bfloat16 in tile registers, and the choice between the ways.
// Included once per SIMD target.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
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
};

// Adds the products with numbers as they lie in the cache.
template <class Number>
void AddStoredProduct(const TileProduct& product, const typename Number::Stored* factors,
                      int64_t stride) {
  if constexpr (std::is_same_v<Number, F32Format>) {
    AddTileProduct(product, factors, stride);
  } else if constexpr (std::is_same_v<Number, F16Format>) {
    AddTileProductOfF16(product, factors, stride);
  } else {
    AddTileProductOfBF16(product, factors, stride);
  }
}

// Adds the products with the keys of a chunk.
template <class Format>
void AddKeyProduct(const TileProduct& product, const typename Format::Keys& keys) {
  if constexpr (Format::kIsPlain) {
    AddStoredProduct<typename Format::Number>(product, keys.stored.data, kKvChunkTokens);
  } else {
    AddTileProductOfQ8Keys(product, keys.stored.data);
  }
}

// Adds the products with the values of a slice from a position of the page on.
template <class Format>
void AddValueProduct(const TileProduct& product, const typename Format::Values& values,
                     int64_t token) {
  if constexpr (Format::kIsPlain) {
    AddStoredProduct<typename Format::Number>(product, values.stored.data + token * values.size,
                                              values.size);
  } else {
    AddTileProductOfQ8Values(
        product, {values.stored.codes + token * values.size, values.stored.scales + token});
  }
}

// As ComputeScores; head_dim is a multiple of 32.
template <class Format>
void ComputeScoresInTiles(const KvBlock& block, AttendTile& tile, TileOperands& operands) {
  const auto num_queries = static_cast<int64_t>(tile.queries.size());
  const SeenParts seen = FindSeenParts(tile.queries, kKvChunkTokens);
  std::memset(tile.scores, 0,
              static_cast<size_t>(PaddedTileRows(num_queries)) * sizeof(tile.scores[0]));
  for (DimSlice dims = {0, 0}; dims.first < block.head_dim; dims.first += kKeyDims) {
    dims.size = std::min(kKeyDims, block.head_dim - dims.first);
    for (size_t q = 0; q < tile.queries.size(); ++q) {
      RoundToBF16Row(tile.queries[q].query + dims.first, dims.size, operands.query_slices[q]);
    }
    for (int64_t i = 0; i < seen.size; ++i) {
      if (i + 1 < seen.size) FetchBeginning(block.KeysOf(seen.parts[i + 1]));
      AddKeyProduct<Format>(
          {num_queries, operands.query_slices[0], kQueryStride, dims.size, kKvChunkTokens,
           tile.scores[0] + seen.parts[i] * kKvChunkTokens, kScoreStride},
          Format::KeysOf(block.KeysOf(seen.parts[i]), dims.first));
    }
  }
}

// Whether all queries see all positions [first, end).
HWY_INLINE bool AllSee(std::span<const BlockQuery> queries, int64_t first, int64_t end) {
  return std::all_of(queries.begin(), queries.end(), [=](const BlockQuery& query) {
    return query.first <= first && query.end >= end;
  });
}

// Positions [first, end) of a page for some dimensions.
template <class Format>
struct ValuePart {
  typename Format::Values values;
  int64_t page;
  int64_t first_dim;
};

// What only some queries see is not multiplied in tiles, where the others would multiply it by 0.
template <class Format>
void WeighPageInTiles(const ValuePart<Format>& part, int64_t head_dim, AttendTile& tile,
                      TileOperands& operands) {
  using Unpacked = UnpackedOf<Format>;
  const auto num_queries = static_cast<int64_t>(tile.queries.size());
  const int64_t size = part.values.size, page_first = part.page * kKvPageTokens;
  float* sums = tile.queries.front().partial->values + part.first_dim;
  const auto multiply = [&](int64_t token, int64_t num_tokens) {
    AddValueProduct<Format>({num_queries, operands.weights[0] + page_first + token, kWeightStride,
                             num_tokens, size, sums, SumStride(head_dim)},
                            part.values, token);
  };
  if (AllSee(tile.queries, page_first, page_first + kKvPageTokens)) {
    return multiply(0, kKvPageTokens);
  }
  for (int64_t token = 0; token < kKvPageTokens; token += kPairedTerms) {
    const int64_t first = page_first + token, end = first + kPairedTerms;
    if (AllSee(tile.queries, first, end)) {
      multiply(token, kPairedTerms);
    } else {
      Format::UnpackValues(part.values, tile.values);
      WeighPositions<Unpacked>(UnpackedSlice<Unpacked>(tile.values, size), first, end,
                               part.first_dim, tile);
    }
  }
}

// As WeighValues.
template <class Format>
void WeighValuesInTiles(const KvBlock& block, AttendTile& tile, TileOperands& operands) {
  const SeenParts seen = FindSeenParts(tile.queries, kKvPageTokens);
  for (size_t q = 0; q < tile.queries.size(); ++q) {
    RoundToBF16Row(tile.scores[q], kAttentionBlockTokens, operands.weights[q]);
    std::fill_n(tile.queries[q].partial->values, block.head_dim, 0.0F);
  }
  for (int64_t i = 0; i < seen.size; ++i) {
    const int64_t page = seen.parts[i];
    FetchBeginning(block.ValuesOf(seen.parts[std::min(i + 1, seen.size - 1)]));
    for (DimSlice slice = {0, 0}; slice.first < block.head_dim; slice.first += kKvSliceDims) {
      slice.size = std::min(kKvSliceDims, block.head_dim - slice.first);
      WeighPageInTiles<Format>(
          {Format::ValuesOf(block.ValuesOf(page), slice, tile.value_scales), page, slice.first},
          block.head_dim, tile, operands);
    }
  }
}

// Queries with room of their own for values side by side.
struct SideBySide {
  SideBySide(std::span<const BlockQuery> from, int64_t head_dim) {
    static thread_local std::vector<float> values;
    const int64_t stride = SumStride(head_dim);
    values.resize(static_cast<size_t>(PaddedTileRows(static_cast<int64_t>(from.size())) * stride));
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
  const TileRegisters registers(static_cast<int64_t>(tile.queries.size()));
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
      if (may_use_tiles) {
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
