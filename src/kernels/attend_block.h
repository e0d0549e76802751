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
#include "kernels/widen.h"

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

using FloatTag = hn::ScalableTag<float>;
using OneTag = hn::CappedTag<float, 1>;
constexpr int64_t kLanes = HWY_LANES(float);
constexpr int64_t kGroupVectors = kKeyGroupTokens / kLanes;

// Queries that share each load of keys, and of values. Their sums have to fit the registers.
#if HWY_TARGET == HWY_AVX3
constexpr int64_t kScoreQueries = 12;
constexpr int64_t kValueQueries = 6;
#elif HWY_TARGET == HWY_NEON
constexpr int64_t kScoreQueries = 6;
constexpr int64_t kValueQueries = 6;
#elif HWY_TARGET == HWY_AVX2
constexpr int64_t kScoreQueries = 6;
constexpr int64_t kValueQueries = 3;
#else
constexpr int64_t kScoreQueries = 3;
constexpr int64_t kValueQueries = 3;
#endif

// Pairs of vectors of values that a tile of queries accumulates at a time.
constexpr int kValuePairs = 2;

// Dimensions of the queries that are copied side by side at a time.
constexpr int64_t kQueryDims = 256;

HWY_INLINE float ExpOf(float x) {
  const OneTag d;
  return hn::GetLane(Exp(d, hn::Set(d, x)));
}

// What the queries of a tile need besides keys and values.
struct ScoreTile {
  HWY_ALIGN float queries[kScoreQueries][kQueryDims];
  HWY_ALIGN float scores[kScoreQueries][kAttentionBlockTokens];  // then probabilities
};

// Keys of one group, or of two that follow each other, as far as the copied query dimensions go.
template <class Stored>
struct KeyTile {
  const Stored* keys;    // [dims, kKeyGroupTokens]
  const Stored* ahead;   // as many as will be needed next: fetched meanwhile
  int64_t group_stride;  // in values
  int64_t dims;
  int64_t first_position;
};

// scores[q][position] += q . k over tile.dims dimensions of kRows queries, dimensions ascending.
template <class Format, int kRows, int kGroups>
HWY_NOINLINE void AddScores(const KeyTile<typename Format::Stored>& tile, ScoreTile& out) {
  using V = hn::Vec<FloatTag>;
  const FloatTag d;
  constexpr int kVectors = kGroups * kGroupVectors;
  V acc[kRows][kVectors];
  TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
    TRINITY_UNROLL for (int v = 0; v < kVectors; ++v) {
      acc[r][v] = hn::Load(d, out.scores[r] + tile.first_position + v * kLanes);
    }
  }
  const float* query = out.queries[0];
  const typename Format::Stored* keys = tile.keys;
  const typename Format::Stored* ahead = tile.ahead;
  for (int64_t i = 0; i < tile.dims; ++i, ++query) {
    V loaded[kVectors];
    TRINITY_UNROLL for (int g = 0; g < kGroups; ++g) {
      hwy::Prefetch(ahead + g * tile.group_stride);
      TRINITY_UNROLL for (int v = 0; v < kGroupVectors; ++v) {
        loaded[g * kGroupVectors + v] = Format::Load(d, keys + g * tile.group_stride + v * kLanes);
      }
    }
    TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
      const V broadcast = hn::Set(d, query[r * kQueryDims]);
      TRINITY_UNROLL for (int v = 0; v < kVectors; ++v) {
        acc[r][v] = hn::MulAdd(loaded[v], broadcast, acc[r][v]);
      }
    }
    keys += kKeyGroupTokens;
    ahead += kKeyGroupTokens;
  }
  TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
    TRINITY_UNROLL for (int v = 0; v < kVectors; ++v) {
      hn::Store(acc[r][v], d, out.scores[r] + tile.first_position + v * kLanes);
    }
  }
}

// Few queries take two groups at a time, since more sums are in flight then.
template <int kRows>
constexpr bool TakesGroupPairs() {
  return 2 * kRows <= kScoreQueries;
}

template <class Format, int kRows>
HWY_INLINE void AddScoresOfRows(int64_t rows, bool is_pair,
                                const KeyTile<typename Format::Stored>& tile, ScoreTile& out) {
  if (rows == kRows) {
    if constexpr (TakesGroupPairs<kRows>()) {
      if (is_pair) return AddScores<Format, kRows, 2>(tile, out);
    }
    AddScores<Format, kRows, 1>(tile, out);
  } else if constexpr (kRows > 1) {
    AddScoresOfRows<Format, kRows - 1>(rows, is_pair, tile, out);
  }
}

constexpr int64_t kBlockGroups = kAttentionBlockTokens / kKeyGroupTokens;

// The groups of a block of which some query sees a key, ascending.
struct SeenGroups {
  int64_t groups[kBlockGroups];
  int64_t size;
};

HWY_INLINE SeenGroups FindSeenGroups(std::span<const BlockQuery> queries) {
  SeenGroups seen;
  seen.size = 0;
  for (int64_t group = 0; group < kBlockGroups; ++group) {
    const int64_t first = group * kKeyGroupTokens;
    for (const BlockQuery& query : queries) {
      if (query.first >= first + kKeyGroupTokens || query.end <= first) continue;
      seen.groups[seen.size++] = group;
      break;
    }
  }
  return seen;
}

// Fills out.scores with q . k where some query sees a key of the group.
template <class Format>
void ComputeScores(std::span<const BlockQuery> queries, const KvBlock& block, ScoreTile& out) {
  using Stored = typename Format::Stored;
  const auto rows = static_cast<int64_t>(queries.size());
  const SeenGroups seen = FindSeenGroups(queries);
  const int64_t stride = block.head_dim * kKeyGroupTokens;
  std::memset(out.scores, 0, static_cast<size_t>(rows) * sizeof(out.scores[0]));
  for (int64_t first = 0; first < block.head_dim; first += kQueryDims) {
    const int64_t dims = std::min(kQueryDims, block.head_dim - first);
    for (int64_t r = 0; r < rows; ++r) {
      std::memcpy(out.queries[r], queries[static_cast<size_t>(r)].query + first,
                  static_cast<size_t>(dims) * sizeof(float));
    }
    for (int64_t i = 0; i < seen.size;) {
      const int64_t group = seen.groups[i];
      // Both in one page: a page begins at an even group.
      const bool is_pair = 2 * rows <= kScoreQueries && group % 2 == 0 && i + 1 < seen.size &&
                           seen.groups[i + 1] == group + 1;
      i += is_pair ? 2 : 1;
      const Stored* ahead = i < seen.size
                                ? block.KeysOfGroup<Stored>(seen.groups[i])
                                : block.ValuesAt<Stored>(seen.groups[0] * kKeyGroupTokens);
      const int64_t offset = first * kKeyGroupTokens;
      AddScoresOfRows<Format, kScoreQueries>(
          rows, is_pair,
          {block.KeysOfGroup<Stored>(group) + offset, ahead + offset, stride, dims,
           group * kKeyGroupTokens},
          out);
    }
  }
}

// Turns the scores of one query into exp(score - max); sets max and sum. Position p of the block
// is summed in lane p % kKeyGroupTokens, groups ascending, then the lanes by halves.
HWY_INLINE void ScoresToWeights(const BlockQuery& query, float scale, float* scores) {
  const FloatTag d;
  const int64_t begin = query.first / kKeyGroupTokens * kKeyGroupTokens;
  const int64_t end = (query.end + kKeyGroupTokens - 1) / kKeyGroupTokens * kKeyGroupTokens;
  constexpr float kUnseen = -std::numeric_limits<float>::infinity();
  std::fill(scores + begin, scores + query.first, kUnseen);
  std::fill(scores + query.end, scores + end, kUnseen);
  auto largest = hn::Set(d, kUnseen);
  for (int64_t i = begin; i < end; i += kLanes) {
    const auto score = hn::Mul(hn::Load(d, scores + i), hn::Set(d, scale));
    hn::Store(score, d, scores + i);
    largest = hn::Max(largest, score);
  }
  const auto max = hn::MaxOfLanes(d, largest);
  HWY_ALIGN float lanes[kKeyGroupTokens] = {};
  for (int64_t i = begin; i < end; i += kKeyGroupTokens) {
    TRINITY_UNROLL for (int64_t lane = 0; lane < kKeyGroupTokens; lane += kLanes) {
      const auto weight = Exp(d, hn::Sub(hn::Load(d, scores + i + lane), max));
      hn::Store(weight, d, scores + i + lane);
      hn::Store(hn::Add(hn::Load(d, lanes + lane), weight), d, lanes + lane);
    }
  }
  for (int64_t width = kKeyGroupTokens / 2; width > 0; width /= 2) {
    for (int64_t lane = 0; lane < width; ++lane) lanes[lane] += lanes[lane + width];
  }
  query.partial->max = hn::GetLane(max);
  query.partial->sum = lanes[0];
}

// Queries whose values are accumulated together, over keys that all of them see.
struct ValueTile {
  const BlockQuery* queries;
  const float (*weights)[kAttentionBlockTokens];  // [queries]
  int64_t first;
  int64_t end;
};

// Values are fetched this many keys ahead of their use.
constexpr int64_t kKeysAhead = 16;

// values[q][dim ...] += sum of weight * value over the tile's keys ascending, for kRows queries and
// kPairs pairs of vectors.
template <class Format, class D, int kRows, int kPairs>
HWY_NOINLINE void AddValues(D d, const KvBlock& block, int64_t dim, const ValueTile& tile) {
  using V = hn::Vec<D>;
  constexpr int64_t kWidth = 2 * hn::MaxLanes(D());
  constexpr int64_t kLineValues = 64 / sizeof(typename Format::Stored);
  V acc[kRows][2 * kPairs];
  TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
    TRINITY_UNROLL for (int p = 0; p < kPairs; ++p) {
      Format::LoadFloatPair(d, tile.queries[r].partial->values + dim + p * kWidth, acc[r][2 * p],
                            acc[r][2 * p + 1]);
    }
  }
  for (int64_t key = tile.first; key < tile.end;) {
    const int64_t page_end = std::min(tile.end, (key / kKvPageTokens + 1) * kKvPageTokens);
    const auto* values = block.ValuesAt<typename Format::Stored>(key) + dim;
    for (; key < page_end; ++key, values += block.head_dim) {
      if (key + kKeysAhead < tile.end) {
        const auto* ahead = block.ValuesAt<typename Format::Stored>(key + kKeysAhead) + dim;
        for (int64_t i = 0; i < kPairs * kWidth; i += kLineValues) hwy::Prefetch(ahead + i);
      }
      V loaded[2 * kPairs];
      TRINITY_UNROLL for (int p = 0; p < kPairs; ++p) {
        Format::LoadPair(d, values + p * kWidth, loaded[2 * p], loaded[2 * p + 1]);
      }
      TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
        const V weight = hn::Set(d, tile.weights[r][key]);
        TRINITY_UNROLL for (int v = 0; v < 2 * kPairs; ++v) {
          acc[r][v] = hn::MulAdd(loaded[v], weight, acc[r][v]);
        }
      }
    }
  }
  TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
    TRINITY_UNROLL for (int p = 0; p < kPairs; ++p) {
      Format::StorePair(acc[r][2 * p], acc[r][2 * p + 1], d,
                        tile.queries[r].partial->values + dim + p * kWidth);
    }
  }
}

// The dimensions from `dim` on, which are fewer than a pair of twice the tag's lanes.
template <class Format, class D, int kRows>
HWY_INLINE void AddValuesOfTail(D d, const KvBlock& block, int64_t dim, const ValueTile& tile) {
  constexpr int64_t kWidth = 2 * hn::MaxLanes(D());
  for (; dim + kWidth <= block.head_dim; dim += kWidth) {
    AddValues<Format, D, kRows, 1>(d, block, dim, tile);
  }
  if constexpr (hn::MaxLanes(D()) > 1) {
    const hn::CappedTag<float, hn::MaxLanes(D()) / 2> half;
    AddValuesOfTail<Format, decltype(half), kRows>(half, block, dim, tile);
  }
}

template <class Format, int kRows>
void AddValuesOfQueries(const KvBlock& block, const ValueTile& tile) {
  const FloatTag d;
  constexpr int64_t kWidth = 2 * kValuePairs * kLanes;
  if (tile.first >= tile.end) return;
  int64_t dim = 0;
  for (; dim + kWidth <= block.head_dim; dim += kWidth) {
    AddValues<Format, FloatTag, kRows, kValuePairs>(d, block, dim, tile);
  }
  AddValuesOfTail<Format, FloatTag, kRows>(d, block, dim, tile);
}

template <class Format, int kRows>
HWY_INLINE void AddValuesOfRows(int64_t rows, const KvBlock& block, const ValueTile& tile) {
  if (rows == kRows) {
    AddValuesOfQueries<Format, kRows>(block, tile);
  } else if constexpr (kRows > 1) {
    AddValuesOfRows<Format, kRows - 1>(rows, block, tile);
  }
}

// Values of some queries: keys that all of them see together, the rest each query by itself, so
// that none multiplies a key out of its range. A query's keys ascend either way.
template <class Format>
void WeighValues(std::span<const BlockQuery> queries, const KvBlock& block,
                 const float (*weights)[kAttentionBlockTokens]) {
  int64_t shared_first = 0;
  int64_t shared_end = kAttentionBlockTokens;
  for (const BlockQuery& query : queries) {
    shared_first = std::max(shared_first, query.first);
    shared_end = std::min(shared_end, query.end);
    std::fill_n(query.partial->values, block.head_dim, 0.0F);
  }
  shared_end = std::max(shared_first, shared_end);
  const auto rows = static_cast<int64_t>(queries.size());
  for (int64_t r = 0; r < rows; ++r) {
    const BlockQuery& query = queries[static_cast<size_t>(r)];
    const ValueTile before = {&query, weights + r, query.first, std::min(query.end, shared_first)};
    AddValuesOfQueries<Format, 1>(block, before);
  }
  AddValuesOfRows<Format, kValueQueries>(rows, block,
                                         {queries.data(), weights, shared_first, shared_end});
  for (int64_t r = 0; r < rows; ++r) {
    const BlockQuery& query = queries[static_cast<size_t>(r)];
    const ValueTile after = {&query, weights + r, std::max(query.first, shared_end), query.end};
    AddValuesOfQueries<Format, 1>(block, after);
  }
}

template <class Format>
void AttendQueries(std::span<const BlockQuery> queries, const KvBlock& block) {
  ScoreTile tile;
  while (!queries.empty()) {
    const auto part = queries.first(std::min(queries.size(), size_t{kScoreQueries}));
    ComputeScores<Format>(part, block, tile);
    for (size_t r = 0; r < part.size(); ++r) {
      ScoresToWeights(part[r], block.scale, tile.scores[r]);
    }
    for (size_t r = 0; r < part.size(); r += kValueQueries) {
      const size_t rows = std::min(part.size() - r, size_t{kValueQueries});
      WeighValues<Format>(part.subspan(r, rows), block, tile.scores + r);
    }
    queries = queries.subspan(part.size());
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
