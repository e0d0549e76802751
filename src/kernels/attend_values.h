// The second half of AttendBlock, in vectors: weighted values. Included once per SIMD target.

#include <algorithm>
#include <cstdint>
#include <span>

#include "hwy/highway.h"
#include "kernels/attend_scores.h"
#include "kernels/kv_unpack.h"

#if defined(TRINITY_KERNELS_ATTEND_VALUES_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TRINITY_KERNELS_ATTEND_VALUES_H_
#undef TRINITY_KERNELS_ATTEND_VALUES_H_
#else
#define TRINITY_KERNELS_ATTEND_VALUES_H_
#endif

HWY_BEFORE_NAMESPACE();
namespace trinity {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Some queries, and positions of one page that all of them see.
template <class Format>
struct ValueTile {
  const BlockQuery* queries;
  const float (*weights)[kScoreStride];  // [queries]
  int64_t first;                         // of the block
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

// The same with sums in pairs: of each 32 positions first the even and the odd ones by themselves.
template <class Format, class D, int kRows, int kVectors>
HWY_NOINLINE void AddValuesInPairs(D d, int64_t dim, const ValueTile<Format>& tile) {
  using V = hn::Vec<D>;
  constexpr int64_t kWidth = hn::MaxLanes(D());
  for (int64_t p = tile.first; p < tile.end;) {
    const int64_t end = std::min(tile.end, (p / kPairedTerms + 1) * kPairedTerms);
    V acc[2][kRows][kVectors];
    TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
      TRINITY_UNROLL for (int v = 0; v < kVectors; ++v) {
        acc[0][r][v] = hn::Zero(d);
        acc[1][r][v] = hn::Zero(d);
      }
    }
    const auto add = [&](int64_t position, V(&sums)[kRows][kVectors]) HWY_ATTR {
      V loaded[kVectors];
      tile.values.template Load<D, kVectors>(d, position % kKvPageTokens, dim, loaded);
      TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
        const V weight = hn::Set(d, tile.weights[r][position]);
        TRINITY_UNROLL for (int v = 0; v < kVectors; ++v) {
          sums[r][v] = hn::MulAdd(loaded[v], weight, sums[r][v]);
        }
      }
    };
    if (p % 2 == 1) add(p++, acc[1]);
    for (; p + 1 < end; p += 2) {
      add(p, acc[0]);
      add(p + 1, acc[1]);
    }
    if (p < end) add(p++, acc[0]);
    TRINITY_UNROLL for (int r = 0; r < kRows; ++r) {
      float* out = tile.queries[r].partial->values + tile.first_dim + dim;
      TRINITY_UNROLL for (int v = 0; v < kVectors; ++v, out += kWidth) {
        const V sum = hn::Add(acc[0][r][v], acc[1][r][v]);
        hn::StoreU(hn::Add(hn::LoadU(d, out), sum), d, out);
      }
    }
  }
}

template <class Format, class D, int kRows, int kVectors>
HWY_INLINE void AddValuesOfVectors(D d, int64_t dim, const ValueTile<Format>& tile) {
  if constexpr (Format::kInPairs) {
    AddValuesInPairs<Format, D, kRows, kVectors>(d, dim, tile);
  } else {
    AddValues<Format, D, kRows, kVectors>(d, dim, tile);
  }
}

template <class Format, int kRows>
void AddValuesOfQueries(const ValueTile<Format>& tile) {
  if (tile.first >= tile.end) return;
  constexpr int kVectors = kVectorsOfValues<Format>;
  int64_t dim = 0;
  for (; dim + kVectors * kLanes <= tile.values.size; dim += kVectors * kLanes) {
    AddValuesOfVectors<Format, FloatTag, kRows, kVectors>(FloatTag(), dim, tile);
  }
  for (; dim + kLanes <= tile.values.size; dim += kLanes) {
    AddValuesOfVectors<Format, FloatTag, kRows, 1>(FloatTag(), dim, tile);
  }
  for (; dim < tile.values.size; ++dim) {
    AddValuesOfVectors<Format, OneTag, kRows, 1>(OneTag(), dim, tile);
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

// The positions of a tile that all of its queries see.
template <class Format>
HWY_INLINE ValueTile<Format> SharedPart(int64_t rows, const ValueTile<Format>& tile) {
  ValueTile<Format> shared = tile;
  bool begin_together = true, end_together = true;
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t first = std::max(tile.first, tile.queries[r].first);
    const int64_t end = std::min(tile.end, tile.queries[r].end);
    begin_together = begin_together && (r == 0 || first == shared.first);
    end_together = end_together && (r == 0 || end == shared.end);
    shared.first = std::max(shared.first, first);
    shared.end = std::min(shared.end, end);
  }
  // Sums in pairs can be cut only where a run of terms ends.
  if (Format::kInPairs && !begin_together) {
    shared.first = (shared.first + kPairedTerms - 1) / kPairedTerms * kPairedTerms;
  }
  if (Format::kInPairs && !end_together) shared.end = shared.end / kPairedTerms * kPairedTerms;
  shared.end = std::max(shared.first, shared.end);
  return shared;
}

// Adds the values of the tile's positions to `rows` queries: positions that all of them see
// together, the rest each query by itself, so that none multiplies a value out of its range. A
// query's positions ascend either way.
template <class Format>
HWY_INLINE void WeighPart(int64_t rows, const ValueTile<Format>& tile) {
  const ValueTile<Format> shared = SharedPart(rows, tile);
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

// Adds the values of positions [first, end), which lie in one page, to all queries of the tile.
template <class Format>
void WeighPositions(const typename Format::Values& values, int64_t first, int64_t end,
                    int64_t first_dim, const AttendTile& tile) {
  const auto num_queries = static_cast<int64_t>(tile.queries.size());
  for (int64_t q = 0; q < num_queries; q += kValueQueries) {
    WeighPart<Format>(
        std::min(kValueQueries, num_queries - q),
        {&tile.queries[static_cast<size_t>(q)], tile.scores + q, first, end, values, first_dim});
  }
}

template <class Unpacked>
HWY_INLINE typename Unpacked::Values UnpackedSlice(const float* values, int64_t size) {
  if constexpr (Unpacked::kInPairs) {
    return {{values, size}, size};
  } else {
    return {values, size};
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
    const int64_t first = page * kKvPageTokens, end = first + kKvPageTokens;
    FetchBeginning(block.ValuesOf(seen.parts[std::min(i + 1, seen.size - 1)]));
    for (DimSlice slice = {0, 0}; slice.first < block.head_dim; slice.first += kKvSliceDims) {
      slice.size = std::min(kKvSliceDims, block.head_dim - slice.first);
      const auto values = Format::ValuesOf(block.ValuesOf(page), slice, tile.value_scales);
      if (tile.queries.size() <= kFewQueries) {
        WeighPositions<Format>(values, first, end, slice.first, tile);
      } else {
        Format::UnpackValues(values, tile.values);
        using Unpacked = UnpackedOf<Format>;
        WeighPositions<Unpacked>(UnpackedSlice<Unpacked>(tile.values, slice.size), first, end,
                                 slice.first, tile);
      }
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace trinity
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
