#include "kernels/attend.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <limits>
#include <memory>

#include "kernels/cpu_level.h"
#include "kernels/elementwise.h"
#include "quant/dequantize.h"
#include "quant/quantize.h"
#include "tests/kernels/simd_fixture.h"

namespace trinity {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kEmpty = -std::numeric_limits<float>::infinity();

// Values as a cache of `dtype` holds them. Q8_0 as quant/ has it.
RoundedValues RoundAsCached(DType dtype, const std::vector<float>& values) {
  if (dtype != DType::kQ8_0) return RoundTo(dtype, values);
  RoundedValues rounded{std::vector<std::byte>(static_cast<size_t>(
                            BytesOf(dtype, static_cast<int64_t>(values.size())))),
                        std::vector<float>(values.size())};
  QuantizeRow(dtype, values, {}, rounded.bytes.data());
  DequantizeRow(dtype, rounded.bytes.data(), static_cast<int64_t>(values.size()),
                rounded.floats.data());
  return rounded;
}

// The cache's dtypes that can hold this many dimensions.
std::vector<DType> KvDTypes(int64_t head_dim) {
  std::vector<DType> dtypes = {DType::kF32, DType::kF16, DType::kBF16};
  if (IsKvDType(DType::kQ8_0, head_dim)) dtypes.push_back(DType::kQ8_0);
  return dtypes;
}

// Keys and values of `num_positions` positions in pages; every slot that was not stored is NaN.
struct TestCache {
  TestCache(DType cache_dtype, int64_t dim, int64_t positions)
      : dtype(cache_dtype), head_dim(dim), num_positions(positions) {
    const int64_t blocks = (positions + kAttentionBlockTokens - 1) / kAttentionBlockTokens;
    // All bits set is NaN in every dtype, and in the scales of Q8_0.
    pages.assign(
        static_cast<size_t>(blocks * kAttentionBlockPages),
        std::vector<std::byte>(static_cast<size_t>(KvPageBytes(dtype, dim)), std::byte{0xFF}));
    const std::vector<float> raw_keys = RandomFloats(positions * dim, 21);
    const std::vector<float> raw_values = RandomFloats(positions * dim, 22);
    for (int64_t p = 0; p < positions; ++p) {
      StoreKeyValue(raw_keys.data() + p * dim, raw_values.data() + p * dim, dim, dtype,
                    p % kKvPageTokens, pages[static_cast<size_t>(p / kKvPageTokens)].data());
    }
    keys = RoundAsCached(dtype, raw_keys).floats;
    values = RoundAsCached(dtype, raw_values).floats;
  }
  // Pages of a block; those that hold no position of [first, end) are null.
  std::array<const std::byte*, kAttentionBlockPages> Block(int64_t block, int64_t first,
                                                           int64_t end) const {
    std::array<const std::byte*, kAttentionBlockPages> result{};
    for (int64_t j = 0; j < kAttentionBlockPages; ++j) {
      const int64_t begin = j * kKvPageTokens;
      if (end <= begin || first >= begin + kKvPageTokens) continue;
      result[static_cast<size_t>(j)] =
          pages[static_cast<size_t>(block * kAttentionBlockPages + j)].data();
    }
    return result;
  }
  DType dtype;
  int64_t head_dim;
  int64_t num_positions;
  std::vector<std::vector<std::byte>> pages;
  std::vector<float> keys;    // [num_positions, head_dim], as rounded
  std::vector<float> values;  // the same
};

struct TestPartial {
  explicit TestPartial(int64_t head_dim) : values(static_cast<size_t>(head_dim), kNaN) {
    partial = {kEmpty, 0, values.data()};
  }
  std::vector<float> values;
  AttentionPartial partial;
};

struct Range {
  int64_t first;
  int64_t end;
};

constexpr AttentionPrecision kFloat32 = AttentionPrecision::kFloat32;
constexpr AttentionPrecision kBFloat16 = AttentionPrecision::kBFloat16;

// Partials of several queries over one block, computed in one call.
std::vector<std::unique_ptr<TestPartial>> Attend(const TestCache& cache, int64_t block,
                                                 const std::vector<const float*>& queries,
                                                 const std::vector<Range>& ranges, float scale,
                                                 AttentionPrecision precision = kFloat32) {
  std::vector<std::unique_ptr<TestPartial>> partials;
  std::vector<BlockQuery> block_queries;
  std::array<const std::byte*, kAttentionBlockPages> pages{};
  for (size_t i = 0; i < queries.size(); ++i) {
    partials.push_back(std::make_unique<TestPartial>(cache.head_dim));
    block_queries.push_back(
        {queries[i], ranges[i].first, ranges[i].end, &partials.back()->partial});
    const auto seen = cache.Block(block, ranges[i].first, ranges[i].end);
    for (size_t j = 0; j < pages.size(); ++j) {
      if (seen[j] != nullptr) pages[j] = seen[j];
    }
  }
  AttendBlock(block_queries, {pages, cache.head_dim, cache.dtype}, scale, precision);
  return partials;
}

// softmax(scale q . k) v over positions [first, end) in double.
std::vector<double> Reference(const TestCache& cache, const float* query, int64_t first,
                              int64_t end, double scale) {
  const auto dim = static_cast<size_t>(cache.head_dim);
  std::vector<double> scores;
  for (auto p = static_cast<size_t>(first); p < static_cast<size_t>(end); ++p) {
    double score = 0;
    for (size_t i = 0; i < dim; ++i) score += double{query[i]} * cache.keys[p * dim + i];
    scores.push_back(score * scale);
  }
  const double max = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  std::vector<double> out(dim);
  for (size_t k = 0; k < scores.size(); ++k) {
    const double weight = std::exp(scores[k] - max);
    sum += weight;
    for (size_t i = 0; i < dim; ++i) {
      out[i] += weight * cache.values[(static_cast<size_t>(first) + k) * dim + i];
    }
  }
  for (double& value : out) value /= sum;
  return out;
}

void ExpectNear(const std::vector<float>& found, const std::vector<double>& expected,
                double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(found[i]), expected[i], tolerance) << i;
  }
}

bool SameBits(const TestPartial& a, const TestPartial& b) {
  return BitsOf(a.partial.max) == BitsOf(b.partial.max) &&
         BitsOf(a.partial.sum) == BitsOf(b.partial.sum) &&
         std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(float)) == 0;
}

// Attention over [first, end) by blocks, merged in order.
std::vector<float> AttendAll(const TestCache& cache, const float* query, int64_t first, int64_t end,
                             float scale, AttentionPrecision precision = kFloat32) {
  TestPartial total(cache.head_dim);
  for (int64_t block = first / kAttentionBlockTokens; block * kAttentionBlockTokens < end;
       ++block) {
    const int64_t begin = block * kAttentionBlockTokens;
    const Range range = {std::max(first - begin, int64_t{0}),
                         std::min(end - begin, kAttentionBlockTokens)};
    const auto partials = Attend(cache, block, {query}, {range}, scale, precision);
    MergePartials({&partials[0]->partial, 1}, cache.head_dim, {&total.partial, 1});
  }
  std::vector<float> out(static_cast<size_t>(cache.head_dim));
  FinishAttention(total.partial, cache.head_dim, out.data());
  return out;
}

TEST(Attend, EqualsSoftmaxAttentionInDouble) {
  OnEverySimdTarget([] {
    for (const int64_t head_dim : {2, 6, 20, 32, 62, 64, 96, 130, 160, 300}) {
      for (const DType dtype : KvDTypes(head_dim)) {
        SCOPED_TRACE(testing::Message() << NameOf(dtype) << " head_dim " << head_dim);
        const TestCache cache(dtype, head_dim, 600);
        const float scale = 1.0F / std::sqrt(static_cast<float>(head_dim));
        const std::vector<float> query = RandomFloats(head_dim, 9);
        for (const Range range : {Range{0, 1}, {0, 600}, {17, 530}, {255, 257}, {300, 310}}) {
          const auto reference = Reference(cache, query.data(), range.first, range.end, scale);
          ExpectNear(AttendAll(cache, query.data(), range.first, range.end, scale), reference,
                     2e-6);
          // Each of its inputs is within 2^-9 of the exact one.
          ExpectNear(AttendAll(cache, query.data(), range.first, range.end, scale, kBFloat16),
                     reference, 2e-2);
        }
      }
    }
  });
}

// `count` queries that see the same as one of `ranges` in turn.
struct ManyQueries {
  ManyQueries(int64_t count, int64_t head_dim, const std::vector<Range>& some_ranges)
      : data(RandomFloats(count * head_dim, 9)) {
    for (int64_t i = 0; i < count; ++i) {
      queries.push_back(data.data() + i * head_dim);
      ranges.push_back(some_ranges[static_cast<size_t>(i) % some_ranges.size()]);
    }
  }
  std::vector<float> data;
  std::vector<const float*> queries;
  std::vector<Range> ranges;
};

void ExpectFinite(const TestPartial& partial) {
  EXPECT_TRUE(std::isfinite(partial.partial.max));
  EXPECT_TRUE(std::isfinite(partial.partial.sum));
  for (const float value : partial.values) EXPECT_TRUE(std::isfinite(value));
}

void ExpectAllFinite(const std::vector<std::unique_ptr<TestPartial>>& partials) {
  for (const auto& partial : partials) ExpectFinite(*partial);
}

TEST(Attend, PositionsOutOfRangeMayHoldNaN) {
  OnEverySimdTarget([] {
    for (const DType dtype : KvDTypes(96)) {
      // Slots from 70 on were never stored; neither may be read through any query's range.
      const TestCache cache(dtype, 96, 70);
      for (const int64_t num_queries : {3, 30}) {
        const ManyQueries many(num_queries, 96, {{0, 70}, {69, 70}, {3, 66}});
        for (const AttentionPrecision precision : {kFloat32, kBFloat16}) {
          ExpectAllFinite(Attend(cache, 0, many.queries, many.ranges, 0.3F, precision));
        }
      }
    }
  });
}

// Queries in threes, of which only the first sees the positions that hold NaN.
void ExpectNoLeak(const TestCache& cache, int64_t num_queries, AttentionPrecision precision) {
  const ManyQueries many(num_queries, 64, {{0, 256}, {1, 40}, {41, 200}});
  const auto partials = Attend(cache, 0, many.queries, many.ranges, 0.1F, precision);
  for (size_t i = 0; i < partials.size(); i += 3) {
    EXPECT_TRUE(std::isnan(partials[i]->partial.sum));
    ExpectFinite(*partials[i + 1]);
    ExpectFinite(*partials[i + 2]);
  }
}

TEST(Attend, PositionsThatOnlyOthersSeeDoNotLeakIn) {
  OnEverySimdTarget([] {
    for (const DType dtype : KvDTypes(64)) {
      TestCache cache(dtype, 64, 256);
      const std::vector<float> poison(64, kNaN);
      for (const int64_t p : {0, 40, 200}) {
        StoreKeyValue(poison.data(), poison.data(), 64, dtype, p % kKvPageTokens,
                      cache.pages[static_cast<size_t>(p / kKvPageTokens)].data());
      }
      for (const int64_t num_queries : {3, 30}) {
        ExpectNoLeak(cache, num_queries, kFloat32);
        ExpectNoLeak(cache, num_queries, kBFloat16);
      }
    }
  });
}

// Queries of a chunk, which see alike, and others.
ManyQueries MixedQueries(int64_t head_dim) {
  ManyQueries many(60, head_dim, {{0, 256}});
  std::mt19937 generator(13);
  for (int64_t i = 0; i < 60; ++i) {
    const auto first = static_cast<int64_t>(generator() % 256);
    const auto size = static_cast<int64_t>(generator()) % (256 - first) + 1;
    const bool is_alike = i < 20 || i % 7 < 4;
    many.ranges[static_cast<size_t>(i)] = is_alike ? Range{0, 190 + i} : Range{first, first + size};
  }
  return many;
}

// Queries [first, first + count) by themselves against all together.
void ExpectSameBitsOf(const TestCache& cache, const ManyQueries& many, AttentionPrecision precision,
                      std::span<const std::unique_ptr<TestPartial>> together, size_t first,
                      size_t count) {
  const auto begin = static_cast<ptrdiff_t>(first), end = static_cast<ptrdiff_t>(first + count);
  const auto some =
      Attend(cache, 0, {many.queries.begin() + begin, many.queries.begin() + end},
             {many.ranges.begin() + begin, many.ranges.begin() + end}, 0.2F, precision);
  for (size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(SameBits(*some[i], *together[first + i])) << first + i << " of " << count;
  }
}

void ExpectSameBitsInParts(const TestCache& cache, AttentionPrecision precision) {
  const ManyQueries many = MixedQueries(cache.head_dim);
  const auto together = Attend(cache, 0, many.queries, many.ranges, 0.2F, precision);
  for (const size_t count : {size_t{1}, size_t{5}, size_t{20}}) {
    for (size_t first = 0; first + count <= together.size(); first += count) {
      ExpectSameBitsOf(cache, many, precision, together, first, count);
    }
  }
}

TEST(Attend, AQueryGivesTheSameBitsAloneAndAmongOthers) {
  OnEverySimdTarget([] {
    for (const int64_t head_dim : {6, 20, 128, 160}) {
      for (const DType dtype : KvDTypes(head_dim)) {
        const TestCache cache(dtype, head_dim, 256);
        ExpectSameBitsInParts(cache, kFloat32);
        ExpectSameBitsInParts(cache, kBFloat16);
      }
    }
  });
}

// The partials of queries at every level that rounds a product and a sum once, `count` queries at a
// time, are those of the first level to the bit.
void ExpectSameBitsOnLevels(const TestCache& cache, const ManyQueries& many, size_t count) {
  const std::vector<std::string> targets = AvailableSimdTargets();
  std::vector<std::unique_ptr<TestPartial>> first;
  for (const std::string& target : targets) {
    SCOPED_TRACE(target);
    ForceSimdTarget(target);
    if (ActiveCpuLevel().highway_target != "AVX3" && target != "AVX3") continue;
    const auto end = static_cast<ptrdiff_t>(count);
    auto partials = Attend(cache, 0, {many.queries.begin(), many.queries.begin() + end},
                           {many.ranges.begin(), many.ranges.begin() + end}, 0.2F, kBFloat16);
    if (first.empty()) first = std::move(partials);
    for (size_t i = 0; i < partials.size(); ++i) {
      ASSERT_TRUE(SameBits(*first[i], *partials[i])) << i;
    }
  }
  ForceSimdTarget(targets.front());
}

// The order of the sums in tile registers is known, and multiply-adds follow it: the levels above
// AVX3 differ in speed alone.
TEST(Attend, BFloat16GivesTheSameBitsInTilesAndByMultiplyAdds) {
  const ManyQueries many = MixedQueries(128);
  for (const DType dtype : KvDTypes(128)) {
    SCOPED_TRACE(NameOf(dtype));
    TestCache cache(dtype, 128, 256);
    // Values so small that products are subnormal, which count as 0.
    const std::vector<float> tiny(128, 1e-38F);
    for (int64_t p = 32; p < 64; ++p) {
      StoreKeyValue(tiny.data(), tiny.data(), 128, dtype, p, cache.pages[0].data());
    }
    for (const size_t count : {size_t{4}, size_t{20}, many.queries.size()}) {
      ExpectSameBitsOnLevels(cache, many, count);
    }
  }
}

TEST(Attend, PagesThatNoQuerySeesAreNotRead) {
  const TestCache cache(DType::kBF16, 16, 256);
  const std::vector<float> query = RandomFloats(16, 9);
  // Pages 1 and 2 lie between the two ranges and are null.
  const auto partials =
      Attend(cache, 0, {query.data(), query.data()}, {{5, 60}, {200, 256}}, 0.25F);
  EXPECT_TRUE(std::isfinite(partials[0]->partial.sum));
  EXPECT_TRUE(std::isfinite(partials[1]->partial.sum));
}

TEST(Attend, MergingAnEmptyPartialChangesNothing) {
  const TestCache cache(DType::kF32, 20, 100);
  const std::vector<float> query = RandomFloats(20, 9);
  const auto partials = Attend(cache, 0, {query.data()}, {{0, 100}}, 0.2F);
  TestPartial total(20);
  MergePartials({&partials[0]->partial, 1}, 20, {&total.partial, 1});
  EXPECT_TRUE(SameBits(total, *partials[0]));
  const TestPartial empty(20);
  MergePartials({&empty.partial, 1}, 20, {&total.partial, 1});
  EXPECT_TRUE(SameBits(total, *partials[0]));
}

TEST(Attend, LargeScoresNeitherOverflowNorLoseTheWinner) {
  OnEverySimdTarget([] {
    TestCache cache(DType::kF32, 2, 40);
    std::vector<float> winner = {1000, 1000};
    StoreKeyValue(winner.data(), winner.data(), 2, DType::kF32, 17, cache.pages[0].data());
    const std::vector<float> query = {100, 100};
    const std::vector<float> out = AttendAll(cache, query.data(), 0, 40, 1.0F);
    EXPECT_EQ(out, winner);
  });
}

// Every upper half of a float32 with some lower halves: ties, just beside them, NaN of any payload.
std::vector<float> RoundingCases(uint32_t first_upper, size_t size) {
  constexpr uint32_t kLower[] = {0x0000, 0x0001, 0x0FFF, 0x1000, 0x1001,
                                 0x3000, 0x7FFF, 0x8000, 0x8001, 0xFFFF};
  std::vector<float> values(size);
  for (size_t i = 0; i < size; ++i) {
    const uint32_t upper = first_upper + static_cast<uint32_t>(i / std::size(kLower));
    values[i] = std::bit_cast<float>((upper & 0xFFFF) << 16 | kLower[i % std::size(kLower)]);
  }
  return values;
}

// Where a page holds dimension i of the key and of the value in `slot`, counted in values.
int64_t KeyPlace(int64_t slot, int64_t i, int64_t dim) {
  return (slot / kKvChunkTokens * dim + i) * kKvChunkTokens + slot % kKvChunkTokens;
}
int64_t ValuePlace(int64_t slot, int64_t i, int64_t dim) {
  const int64_t slice = i / kKvSliceDims * kKvSliceDims;
  const int64_t size = std::min(kKvSliceDims, dim - slice);
  return kKvPageTokens * dim + slice * kKvPageTokens + slot * size + i - slice;
}

void ExpectRoundedInPlace(DType dtype, const std::vector<float>& key, int64_t slot) {
  const auto size = static_cast<size_t>(BytesOf(dtype, 1));
  const auto dim = static_cast<int64_t>(key.size());
  const std::vector<float> value(key.rbegin(), key.rend());
  std::vector<std::byte> page(static_cast<size_t>(KvPageBytes(dtype, dim)));
  ASSERT_EQ(page.size(), 2 * 64 * key.size() * size);
  StoreKeyValue(key.data(), value.data(), dim, dtype, slot, page.data());
  const RoundedValues rounded_key = RoundTo(dtype, key);
  const RoundedValues rounded_value = RoundTo(dtype, value);
  const auto expect_at = [&](int64_t place, const RoundedValues& rounded, float original,
                             size_t i) {
    const std::byte* stored = page.data() + BytesOf(dtype, place);
    float widened;
    WidenToFloat(stored, dtype, 1, &widened);
    ASSERT_EQ(std::isnan(widened), std::isnan(original)) << i;
    if (std::isnan(original)) return;
    ASSERT_EQ(std::memcmp(stored, &rounded.bytes[i * size], size), 0) << i;
  };
  for (size_t i = 0; i < key.size(); ++i) {
    expect_at(KeyPlace(slot, static_cast<int64_t>(i), dim), rounded_key, key[i], i);
    expect_at(ValuePlace(slot, static_cast<int64_t>(i), dim), rounded_value, value[i], i);
  }
}

TEST(Attend, StoredKeysAndValuesAreRoundedToNearestEvenInTheStatedPlaces) {
  OnEverySimdTarget([] {
    for (const DType dtype : kFloatDTypes) {
      for (uint32_t upper = 0; upper < 0x10000; upper += 256) {
        ExpectRoundedInPlace(dtype, RoundingCases(upper, 2560), 37);
      }
      for (const int64_t slot : {0, 15, 16, 63}) {
        ExpectRoundedInPlace(dtype, RandomFloats(6, 4), slot);
        ExpectRoundedInPlace(dtype, RandomFloats(70, 4), slot);
      }
    }
  });
}

// The values of one position, read back by looking at one position alone.
std::vector<float> StoredValue(DType dtype, const std::vector<float>& value) {
  const auto dim = static_cast<int64_t>(value.size());
  std::vector<std::byte> page(static_cast<size_t>(KvPageBytes(dtype, dim)));
  const std::vector<float> zeros(value.size());
  StoreKeyValue(zeros.data(), value.data(), dim, dtype, 37, page.data());
  std::vector<float> out(value.size());
  AttentionPartial partial = {kEmpty, 0, out.data()};
  const BlockQuery query = {zeros.data(), 37, 38, &partial};
  AttendBlock(std::span(&query, 1), {{page.data()}, dim, dtype}, 1.0F, kFloat32);
  return out;
}

TEST(Attend, Q8CacheRoundsAsTheFormatDoes) {
  OnEverySimdTarget([] {
    std::vector<float> values = RandomFloats(128, 3);
    values[5] = 1e6F;
    std::fill_n(values.begin() + 32, 32, 0.0F);
    // Ties: 127 makes the scale 1, halves lie between two codes.
    for (size_t i = 64; i < 96; ++i) values[i] = static_cast<float>(i) - 79.5F;
    values[64] = 127;
    values[65] = 0.49999997F;
    const RoundedValues expected = RoundAsCached(DType::kQ8_0, values);
    EXPECT_EQ(StoredValue(DType::kQ8_0, values), expected.floats);
  });
}

TEST(Attend, Q8CacheMakesABlockWithNaNAllNaN) {
  OnEverySimdTarget([] {
    std::vector<float> values = RandomFloats(64, 3);
    values[40] = kNaN;
    const std::vector<float> stored = StoredValue(DType::kQ8_0, values);
    for (size_t i = 0; i < 32; ++i) EXPECT_TRUE(std::isfinite(stored[i]));
    for (size_t i = 32; i < 64; ++i) EXPECT_TRUE(std::isnan(stored[i]));
  });
}

TEST(Attend, Q8CacheNeedsWholeBlocks) {
  EXPECT_TRUE(IsKvDType(DType::kQ8_0, 96));
  EXPECT_FALSE(IsKvDType(DType::kQ8_0, 80));
  EXPECT_TRUE(IsKvDType(DType::kBF16, 80));
  EXPECT_FALSE(IsKvDType(DType::kQ4_0, 128));
}

}  // namespace
}  // namespace trinity
