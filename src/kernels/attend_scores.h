// The first half of AttendBlock, in vectors: softmax weights. Included once per SIMD target.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/exponential.h"
#include "kernels/kv_unpack.h"

#if defined(TRINITY_KERNELS_ATTEND_SCORES_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRINITY_KERNELS_ATTEND_SCORES_H_
#undef TRINITY_KERNELS_ATTEND_SCORES_H_
#else
#define TRINITY_KERNELS_ATTEND_SCORES_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The register tiles: queries that share each vector of keys, or of values, and such vectors.
#if HWY_TARGET == HWY_AVX3
constexpr int64_t kScoreQueries = 12;
constexpr int64_t kFewScoreQueries = 8;
constexpr int kScoreVectors = 2;
constexpr int64_t kValueQueries = 6;
constexpr int kValueVectors = 4;
#elif HWY_TARGET == HWY_NEON
constexpr int64_t kScoreQueries = 6;
constexpr int64_t kFewScoreQueries = 4;
constexpr int kScoreVectors = 4;
constexpr int64_t kValueQueries = 6;
constexpr int kValueVectors = 4;
#else
constexpr int64_t kScoreQueries = 6;
constexpr int64_t kFewScoreQueries = 4;
constexpr int kScoreVectors = 2;
constexpr int64_t kValueQueries = 3;
constexpr int kValueVectors = 4;
#endif

// Keys and values are multiplied as they are loaded from memory for few queries. Many share what is
// unpacked to float32 into the nearest cache; their scores still stay in the second one.
constexpr size_t kFewQueries = 8;
constexpr int64_t kKeyDims = 128;

// Sums in pairs take two registers each.
template <class Format>
constexpr int64_t kRegistersOfSum = Format::kInPairs ? 2 : 1;
template <class Format>
constexpr int kVectorsOfValues = kValueVectors / kRegistersOfSum<Format>;

// The format of what was unpacked.
template <class Format>
using UnpackedOf = std::conditional_t<Format::kInPairs, InBF16<UnpackedKv>, UnpackedKv>;

// Terms of which the even and the odd ones are summed by themselves, in kernels/bf16_tiles.h too.
constexpr int64_t kPairedTerms = 32;

// Position p of a block is summed in lane p % kSumLanes.
constexpr int64_t kSumLanes = 16;

HWY_INLINE float ExpOf(float x) {
  const OneTag d;
  return hn::GetLane(Exp(d, hn::Set(d, x)));
}

// Scores of a query and the next one: not a power of two apart, or all of a tile would share a few
// places of the nearest cache.
constexpr int64_t kScoreStride = kAttentionBlockTokens + 16;

struct AttendTile {
  std::span<const BlockQuery> queries;  // at most kAttentionTileQueries
  HWY_ALIGN float keys[kKeyDims * kKvChunkTokens];
  HWY_ALIGN float values[kKvSliceDims * kKvPageTokens];
  HWY_ALIGN float value_scales[kKvPageTokens * kKvSliceDims / 32];  // of a format that has them
  HWY_ALIGN float query_slices[kAttentionTileQueries][kKeyDims];
  HWY_ALIGN float scores[kAttentionTileQueries][kScoreStride];  // then weights
};

// The processor fetches ahead by itself only once it has seen a stream begin.
HWY_INLINE void FetchBeginning(const std::byte* stream) {
  for (int64_t i = 0; i < 1024; i += 64) hwy::Prefetch(stream + i);
}

// Parts of a block (chunks or pages), ascending.
struct SeenParts {
  int64_t parts[kAttentionBlockChunks];
  int64_t size = 0;
};

// Those of which some query sees a position.
HWY_INLINE SeenParts FindSeenParts(std::span<const BlockQuery> queries, int64_t part_tokens) {
  SeenParts seen;
  for (int64_t part = 0; part < kAttentionBlockTokens / part_tokens; ++part) {
    const int64_t first = part * part_tokens;
    for (const BlockQuery& query : queries) {
      if (query.first >= first + part_tokens || query.end <= first) continue;
      seen.parts[seen.size++] = part;
      break;
    }
  }
  return seen;
}

// scores[q][...] += q . k over some dimensions ascending, of kRows queries and kScoreVectors
// vectors of positions from `key` on. Dimension 0 begins the sum. query_slices: [kRows, kKeyDims].
template <class Format, int kRows>
HWY_NOINLINE void AddScores(const typename Format::Keys& keys, int64_t key,
                            const float* query_slices, DimSlice dims, float* scores) {
  using V = hn::Vec<FloatTag>;
  const FloatTag d;
  scores += key;
  V acc[kRows][kScoreVectors];
  if (dims.first == 0) {
    TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
      TRINITY_UNROLL for (int v = 0; v < kScoreVectors; ++v) acc[r][v] = hn::Zero(d);
    }
  } else {
    TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
      TRINITY_UNROLL for (int v = 0; v < kScoreVectors; ++v) {
        acc[r][v] = hn::Load(d, scores + r * kScoreStride + v * kLanes);
      }
    }
  }
  constexpr int64_t kStep = Format::kStepDims;
  for (int64_t i = 0; i < dims.size; i += kStep) {
    V loaded[kScoreVectors][kStep];
    TRINITY_UNROLL for (int v = 0; v < kScoreVectors; ++v) {
      keys.Load(i, key + v * kLanes, loaded[v]);
    }
    TRINITY_UNROLL for (int64_t step = 0; step < kStep; ++step) {
      TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
        const V broadcast = hn::Set(d, query_slices[r * kKeyDims + i + step]);
        TRINITY_UNROLL for (int v = 0; v < kScoreVectors; ++v) {
          acc[r][v] = hn::MulAdd(loaded[v][step], broadcast, acc[r][v]);
        }
      }
    }
  }
  TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
    TRINITY_UNROLL for (int v = 0; v < kScoreVectors; ++v) {
      hn::Store(acc[r][v], d, scores + r * kScoreStride + v * kLanes);
    }
  }
}

// The same with sums in pairs: of each 32 dimensions first the even and the odd ones by themselves.
template <class Format, int kRows>
HWY_NOINLINE void AddScoresInPairs(const typename Format::Keys& keys, int64_t key,
                                   const float* query_slices, DimSlice dims, float* scores) {
  using V = hn::Vec<FloatTag>;
  const FloatTag d;
  constexpr int64_t kStep = std::max<int64_t>(2, Format::kStepDims);
  scores += key;
  for (int64_t first = 0; first < dims.size; first += kPairedTerms) {
    const int64_t end = std::min(first + kPairedTerms, dims.size);
    V acc[2][kRows][kScoreVectors];
    TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
      TRINITY_UNROLL for (int v = 0; v < kScoreVectors; ++v) {
        acc[0][r][v] = hn::Zero(d);
        acc[1][r][v] = hn::Zero(d);
      }
    }
    for (int64_t i = first; i < end; i += kStep) {
      V loaded[kScoreVectors][kStep];
      TRINITY_UNROLL for (int v = 0; v < kScoreVectors; ++v) {
        TRINITY_UNROLL for (int64_t step = 0; step < kStep; step += Format::kStepDims) {
          keys.Load(i + step, key + v * kLanes, loaded[v] + step);
        }
      }
      TRINITY_UNROLL for (int64_t step = 0; step < kStep; ++step) {
        TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
          const V broadcast = hn::Set(d, query_slices[r * kKeyDims + i + step]);
          TRINITY_UNROLL for (int v = 0; v < kScoreVectors; ++v) {
            acc[step % 2][r][v] = hn::MulAdd(loaded[v][step], broadcast, acc[step % 2][r][v]);
          }
        }
      }
    }
    TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
      TRINITY_UNROLL for (int v = 0; v < kScoreVectors; ++v) {
        float* out = scores + r * kScoreStride + v * kLanes;
        const V before = dims.first + first == 0 ? hn::Zero(d) : hn::Load(d, out);
        hn::Store(hn::Add(before, hn::Add(acc[0][r][v], acc[1][r][v])), d, out);
      }
    }
  }
}

template <class Format, int kRows>
HWY_INLINE void AddScoresOfRows(int64_t rows, const typename Format::Keys& keys,
                                const float* query_slices, DimSlice dims, float* scores) {
  if (rows == kRows) {
    for (int64_t key = 0; key < kKvChunkTokens; key += kScoreVectors * kLanes) {
      if constexpr (Format::kInPairs) {
        AddScoresInPairs<Format, kRows>(keys, key, query_slices, dims, scores);
      } else {
        AddScores<Format, kRows>(keys, key, query_slices, dims, scores);
      }
    }
  } else if constexpr (kRows > 1) {
    AddScoresOfRows<Format, kRows - 1>(rows, keys, query_slices, dims, scores);
  }
}

// scores[q] += q . k for all queries of the tile; scores: of the chunk in the first one's row.
template <class Format, int64_t kRegisterRows>
HWY_INLINE void AddScoresOfTile(const typename Format::Keys& keys, DimSlice dims, AttendTile& tile,
                                float* scores) {
  constexpr int kMostRows = kRegisterRows / kRegistersOfSum<Format>;
  const auto num_queries = static_cast<int64_t>(tile.queries.size());
  for (int64_t q = 0; q < num_queries; q += kMostRows) {
    AddScoresOfRows<Format, kMostRows>(std::min<int64_t>(kMostRows, num_queries - q), keys,
                                       tile.query_slices[q], dims, scores + q * kScoreStride);
  }
}

// Copies a slice of each query.
template <class Format>
void SliceQueries(DimSlice dims, AttendTile& tile) {
  const FloatTag d;
  for (size_t q = 0; q < tile.queries.size(); ++q) {
    const float* from = tile.queries[q].query + dims.first;
    std::memcpy(tile.query_slices[q], from, static_cast<size_t>(dims.size) * sizeof(float));
    if constexpr (Format::kInPairs) {
      // May round what stands behind the slice: it is not read.
      for (float* at = tile.query_slices[q]; at < tile.query_slices[q] + dims.size; at += kLanes) {
        hn::Store(RoundedToBF16(d, hn::Load(d, at)), d, at);
      }
    }
  }
}

// Fills tile.scores with q . k in the chunks that some query sees.
template <class Format>
void ComputeScores(const KvBlock& block, AttendTile& tile) {
  const SeenParts seen = FindSeenParts(tile.queries, kKvChunkTokens);
  for (DimSlice dims = {0, 0}; dims.first < block.head_dim; dims.first += kKeyDims) {
    dims.size = std::min(kKeyDims, block.head_dim - dims.first);
    SliceQueries<Format>(dims, tile);
    for (int64_t i = 0; i < seen.size; ++i) {
      const int64_t chunk = seen.parts[i];
      FetchBeginning(i + 1 < seen.size
                         ? block.KeysOf(seen.parts[i + 1])
                         : block.ValuesOf(seen.parts[0] * kKvChunkTokens / kKvPageTokens));
      const auto keys = Format::KeysOf(block.KeysOf(chunk), dims.first);
      float* scores = tile.scores[0] + chunk * kKvChunkTokens;
      if (tile.queries.size() <= kFewQueries) {
        AddScoresOfTile<Format, kFewScoreQueries>(keys, dims, tile, scores);
      } else {
        Format::UnpackKeys(keys, dims.size, tile.keys);
        AddScoresOfTile<UnpackedOf<Format>, kScoreQueries>({tile.keys}, dims, tile, scores);
      }
    }
  }
}

// Turns the products of one query into exp(scale * (product - largest)); sets max and sum. Position
// p of the block is summed in lane p % kSumLanes, ascending, then the lanes by halves.
template <class Format>
HWY_INLINE void ScoresToWeights(const BlockQuery& query, float scale, float* scores) {
  const FloatTag d;
  constexpr int64_t kVectors = kSumLanes / kLanes;
  constexpr float kUnseen = -std::numeric_limits<float>::infinity();
  const int64_t begin = query.first / kSumLanes * kSumLanes;
  const int64_t end = (query.end + kSumLanes - 1) / kSumLanes * kSumLanes;
  std::fill(scores + begin, scores + query.first, kUnseen);
  std::fill(scores + query.end, scores + end, kUnseen);
  auto largest = hn::Set(d, kUnseen);
  for (int64_t i = begin; i < end; i += kLanes) {
    largest = hn::Max(largest, hn::Load(d, scores + i));
  }
  const auto max = hn::MaxOfLanes(d, largest);
  const auto factor = hn::Set(d, scale);
  hn::Vec<FloatTag> sums[kVectors];
  TRINITY_UNROLL for (int64_t v = 0; v < kVectors; ++v) sums[v] = hn::Zero(d);
  for (int64_t i = begin; i < end; i += kSumLanes) {
    TRINITY_UNROLL for (int64_t v = 0; v < kVectors; ++v) {
      float* place = scores + i + v * kLanes;
      const auto distance = hn::Sub(hn::Load(d, place), max);
      auto weight = ExpOfNonPositive(d, hn::Mul(distance, factor));
      if constexpr (Format::kInPairs) weight = RoundedToBF16(d, weight);
      hn::Store(weight, d, place);
      sums[v] = hn::Add(sums[v], weight);
    }
  }
  HWY_ALIGN float lanes[kSumLanes];
  TRINITY_UNROLL for (int64_t v = 0; v < kVectors; ++v) hn::Store(sums[v], d, lanes + v * kLanes);
  for (int64_t width = kSumLanes / 2; width > 0; width /= 2) {
    for (int64_t lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  }
  query.partial->max = hn::GetLane(max) * scale;
  query.partial->sum = lanes[0];
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
