// The work of AttendBlock in vectors. Included once per SIMD target.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include "hwy/cache_control.h"
#include "hwy/highway.h"
#include "kernels/exponential.h"
#include "kernels/kv_block.h"
#include "kernels/kv_unpack.h"

#if defined(TRINITY_KERNELS_ATTEND_BLOCK_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRINITY_KERNELS_ATTEND_BLOCK_H_
#undef TRINITY_KERNELS_ATTEND_BLOCK_H_
#else
#define TRINITY_KERNELS_ATTEND_BLOCK_H_
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
constexpr int64_t kFewQueries = 8;
constexpr int64_t kKeyDims = 128;

// Position p of a block is summed in lane p % kSumLanes.
constexpr int64_t kSumLanes = 16;

HWY_INLINE float ExpOf(float x) {
  const OneTag d;
  return hn::GetLane(Exp(d, hn::Set(d, x)));
}

struct AttendTile {
  std::span<const BlockQuery> queries;  // at most kAttentionTileQueries
  HWY_ALIGN float keys[kKeyDims * kKvChunkTokens];
  HWY_ALIGN float values[kKvSliceDims * kKvPageTokens];
  HWY_ALIGN float value_scales[kKvPageTokens * kKvSliceDims / 32];  // of a format that has them
  HWY_ALIGN float query_slices[kAttentionTileQueries][kKeyDims];
  HWY_ALIGN float scores[kAttentionTileQueries][kAttentionBlockTokens];  // then weights
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
        acc[r][v] = hn::Load(d, scores + r * kAttentionBlockTokens + v * kLanes);
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
      hn::Store(acc[r][v], d, scores + r * kAttentionBlockTokens + v * kLanes);
    }
  }
}

template <class Format, int kRows>
HWY_INLINE void AddScoresOfRows(int64_t rows, const typename Format::Keys& keys,
                                const float* query_slices, DimSlice dims, float* scores) {
  if (rows == kRows) {
    for (int64_t key = 0; key < kKvChunkTokens; key += kScoreVectors * kLanes) {
      AddScores<Format, kRows>(keys, key, query_slices, dims, scores);
    }
  } else if constexpr (kRows > 1) {
    AddScoresOfRows<Format, kRows - 1>(rows, keys, query_slices, dims, scores);
  }
}

// scores[q] += q . k for all queries of the tile; scores: of the chunk in the first one's row.
template <class Format, int kMostRows>
HWY_INLINE void AddScoresOfTile(const typename Format::Keys& keys, DimSlice dims, AttendTile& tile,
                                float* scores) {
  const auto num_queries = static_cast<int64_t>(tile.queries.size());
  for (int64_t q = 0; q < num_queries; q += kMostRows) {
    AddScoresOfRows<Format, kMostRows>(std::min<int64_t>(kMostRows, num_queries - q), keys,
                                       tile.query_slices[q], dims,
                                       scores + q * kAttentionBlockTokens);
  }
}

// Fills tile.scores with q . k in the chunks that some query sees.
template <class Format>
void ComputeScores(const KvBlock& block, AttendTile& tile) {
  const SeenParts seen = FindSeenParts(tile.queries, kKvChunkTokens);
  for (DimSlice dims = {0, 0}; dims.first < block.head_dim; dims.first += kKeyDims) {
    dims.size = std::min(kKeyDims, block.head_dim - dims.first);
    for (size_t q = 0; q < tile.queries.size(); ++q) {
      std::memcpy(tile.query_slices[q], tile.queries[q].query + dims.first,
                  static_cast<size_t>(dims.size) * sizeof(float));
    }
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
        AddScoresOfTile<UnpackedKv, kScoreQueries>({tile.keys}, dims, tile, scores);
      }
    }
  }
}

// Turns the products of one query into exp(scale * (product - largest)); sets max and sum. Position
// p of the block is summed in lane p % kSumLanes, ascending, then the lanes by halves.
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
      const auto weight = ExpOfNonPositive(d, hn::Mul(distance, factor));
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

// Some queries, and positions of one page that all of them see.
template <class Format>
struct ValueTile {
  const BlockQuery* queries;
  const float (*weights)[kAttentionBlockTokens];  // [queries]
  int64_t first;                                  // of the block
  int64_t end;
  typename Format::Values values;
  int64_t first_dim;
};

// values[q][dim ...] += sum of weight * value over the tile's positions ascending, for kRows
// queries and kVectors vectors from `dim` of the slice on.
template <class Format, class D, int kRows, int kVectors>
HWY_NOINLINE void AddValues(D d, int64_t dim, const ValueTile<Format>& tile) {
  using V = hn::Vec<D>;
  constexpr int64_t kWidth = hn::MaxLanes(D());
  V acc[kRows][kVectors];
  TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
    const float* out = tile.queries[r].partial->values + tile.first_dim + dim;
    TRINITY_UNROLL for (int v = 0; v < kVectors; ++v) acc[r][v] = hn::LoadU(d, out + v * kWidth);
  }
  for (int64_t p = tile.first; p < tile.end; ++p) {
    V loaded[kVectors];
    tile.values.template Load<D, kVectors>(d, p % kKvPageTokens, dim, loaded);
    TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
      const V weight = hn::Set(d, tile.weights[r][p]);
      TRINITY_UNROLL for (int v = 0; v < kVectors; ++v) {
        acc[r][v] = hn::MulAdd(loaded[v], weight, acc[r][v]);
      }
    }
  }
  TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
    float* out = tile.queries[r].partial->values + tile.first_dim + dim;
    TRINITY_UNROLL for (int v = 0; v < kVectors; ++v) hn::StoreU(acc[r][v], d, out + v * kWidth);
  }
}

template <class Format, int kRows>
void AddValuesOfQueries(const ValueTile<Format>& tile) {
  if (tile.first >= tile.end) return;
  constexpr int64_t kWidth = kValueVectors * kLanes;
  int64_t dim = 0;
  for (; dim + kWidth <= tile.values.size; dim += kWidth) {
    AddValues<Format, FloatTag, kRows, kValueVectors>(FloatTag(), dim, tile);
  }
  for (; dim + kLanes <= tile.values.size; dim += kLanes) {
    AddValues<Format, FloatTag, kRows, 1>(FloatTag(), dim, tile);
  }
  for (; dim < tile.values.size; ++dim) {
    AddValues<Format, OneTag, kRows, 1>(OneTag(), dim, tile);
  }
}

template <class Format, int kRows>
HWY_INLINE void AddValuesOfRows(int64_t rows, const ValueTile<Format>& tile) {
  if (rows == kRows) {
    AddValuesOfQueries<Format, kRows>(tile);
  } else if constexpr (kRows > 1) {
    AddValuesOfRows<Format, kRows - 1>(rows, tile);
  }
}

// Adds the values of the tile's positions to `rows` queries: positions that all of them see
// together, the rest each query by itself, so that none multiplies a value out of its range. A
// query's positions ascend either way.
template <class Format>
HWY_INLINE void WeighPart(int64_t rows, const ValueTile<Format>& tile) {
  ValueTile<Format> shared = tile;
  for (int64_t r = 0; r < rows; ++r) {
    shared.first = std::max(shared.first, tile.queries[r].first);
    shared.end = std::min(shared.end, tile.queries[r].end);
  }
  shared.end = std::max(shared.first, shared.end);
  const auto add_own = [&](int64_t first, int64_t end) {
    for (int64_t r = 0; r < rows; ++r) {
      ValueTile<Format> own = tile;
      own.queries += r;
      own.weights += r;
      own.first = std::max(own.queries->first, first);
      own.end = std::min(own.queries->end, end);
      AddValuesOfQueries<Format, 1>(own);
    }
  };
  add_own(tile.first, std::min(tile.end, shared.first));
  AddValuesOfRows<Format, kValueQueries>(rows, shared);
  add_own(shared.end, tile.end);
}

// Adds the values of a slice of a page to all queries of the tile.
template <class Format>
void WeighSlice(const typename Format::Values& values, int64_t page, int64_t first_dim,
                const AttendTile& tile) {
  const auto num_queries = static_cast<int64_t>(tile.queries.size());
  for (int64_t q = 0; q < num_queries; q += kValueQueries) {
    WeighPart<Format>(std::min(kValueQueries, num_queries - q),
                      {&tile.queries[static_cast<size_t>(q)], tile.scores + q, page * kKvPageTokens,
                       (page + 1) * kKvPageTokens, values, first_dim});
  }
}

// Fills the partials' values from tile.scores, which are weights by now.
template <class Format>
void WeighValues(const KvBlock& block, AttendTile& tile) {
  const SeenParts seen = FindSeenParts(tile.queries, kKvPageTokens);
  for (const BlockQuery& query : tile.queries) {
    std::fill_n(query.partial->values, block.head_dim, 0.0F);
  }
  for (int64_t i = 0; i < seen.size; ++i) {
    const int64_t page = seen.parts[i];
    FetchBeginning(block.ValuesOf(seen.parts[std::min(i + 1, seen.size - 1)]));
    for (DimSlice slice = {0, 0}; slice.first < block.head_dim; slice.first += kKvSliceDims) {
      slice.size = std::min(kKvSliceDims, block.head_dim - slice.first);
      const auto values = Format::ValuesOf(block.ValuesOf(page), slice, tile.value_scales);
      if (tile.queries.size() <= kFewQueries) {
        WeighSlice<Format>(values, page, slice.first, tile);
      } else {
        Format::UnpackValues(values, tile.values);
        WeighSlice<UnpackedKv>({tile.values, slice.size}, page, slice.first, tile);
      }
    }
  }
}

template <class Format>
void AttendQueries(std::span<const BlockQuery> queries, const KvBlock& block) {
  AttendTile tile;
  for (; !queries.empty(); queries = queries.subspan(tile.queries.size())) {
    tile.queries = queries.first(std::min(queries.size(), size_t{kAttentionTileQueries}));
    ComputeScores<Format>(block, tile);
    for (size_t q = 0; q < tile.queries.size(); ++q) {
      ScoresToWeights(tile.queries[q], block.scale, tile.scores[q]);
    }
    WeighValues<Format>(block, tile);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
