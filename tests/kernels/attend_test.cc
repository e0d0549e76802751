#include "kernels/attend.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <limits>
#include <memory>

#include "kernels/elementwise.h"
#include "tests/kernels/simd_fixture.h"

namespace trinity {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kEmpty = -std::numeric_limits<float>::infinity();

// Keys and values of `num_positions` positions in pages; every slot that was not stored is NaN.
struct TestCache {
  TestCache(DType cache_dtype, int64_t dim, int64_t positions)
      : dtype(cache_dtype), head_dim(dim), num_positions(positions) {
    const int64_t blocks = (positions + kAttentionBlockTokens - 1) / kAttentionBlockTokens;
    const RoundedValues nan =
        RoundTo(dtype, std::vector<float>(static_cast<size_t>(2 * kKvPageTokens * dim), kNaN));
    pages.assign(static_cast<size_t>(blocks * kAttentionBlockPages), nan.bytes);
    const std::vector<float> raw_keys = RandomFloats(positions * dim, 21);
    const std::vector<float> raw_values = RandomFloats(positions * dim, 22);
    for (int64_t p = 0; p < positions; ++p) {
      StoreKeyValue(raw_keys.data() + p * dim, raw_values.data() + p * dim, dim, dtype,
                    p % kKvPageTokens, pages[static_cast<size_t>(p / kKvPageTokens)].data());
    }
    keys = RoundTo(dtype, raw_keys).floats;
    values = RoundTo(dtype, raw_values).floats;
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

// Partials of several queries over one block, computed in one call.
std::vector<std::unique_ptr<TestPartial>> Attend(const TestCache& cache, int64_t block,
                                                 const std::vector<const float*>& queries,
                                                 const std::vector<Range>& ranges, float scale) {
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
  AttendBlock(block_queries, pages, cache.head_dim, cache.dtype, scale);
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

void ExpectNear(const std::vector<float>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(static_cast<double>(found[i]), expected[i], 2e-6) << i;
  }
}

bool SameBits(const TestPartial& a, const TestPartial& b) {
  return BitsOf(a.partial.max) == BitsOf(b.partial.max) &&
         BitsOf(a.partial.sum) == BitsOf(b.partial.sum) &&
         std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(float)) == 0;
}

// Attention over [first, end) by blocks, merged in order.
std::vector<float> AttendAll(const TestCache& cache, const float* query, int64_t first, int64_t end,
                             float scale) {
  TestPartial total(cache.head_dim);
  for (int64_t block = first / kAttentionBlockTokens; block * kAttentionBlockTokens < end;
       ++block) {
    const int64_t begin = block * kAttentionBlockTokens;
    const Range range = {std::max(first - begin, int64_t{0}),
                         std::min(end - begin, kAttentionBlockTokens)};
    const auto partials = Attend(cache, block, {query}, {range}, scale);
    MergePartial(partials[0]->partial, cache.head_dim, total.partial);
  }
  std::vector<float> out(static_cast<size_t>(cache.head_dim));
  FinishAttention(total.partial, cache.head_dim, out.data());
  return out;
}

TEST(Attend, EqualsSoftmaxAttentionInDouble) {
  OnEverySimdTarget([] {
    for (const DType dtype : kFloatDTypes) {
      for (const int64_t head_dim : {2, 6, 16, 20, 30, 62, 64, 128, 130, 256, 300}) {
        SCOPED_TRACE(testing::Message() << NameOf(dtype) << " head_dim " << head_dim);
        const TestCache cache(dtype, head_dim, 600);
        const float scale = 1.0F / std::sqrt(static_cast<float>(head_dim));
        const std::vector<float> query = RandomFloats(head_dim, 9);
        for (const Range range : {Range{0, 1}, {0, 600}, {17, 530}, {255, 257}, {300, 310}}) {
          ExpectNear(AttendAll(cache, query.data(), range.first, range.end, scale),
                     Reference(cache, query.data(), range.first, range.end, scale));
        }
      }
    }
  });
}

TEST(Attend, PositionsOutOfRangeMayHoldNaN) {
  OnEverySimdTarget([] {
    for (const DType dtype : kFloatDTypes) {
      // Slots from 70 on were never stored; neither may be read through any query's range.
      const TestCache cache(dtype, 20, 70);
      const std::vector<float> query = RandomFloats(20, 9);
      const auto partials = Attend(cache, 0, {query.data(), query.data(), query.data()},
                                   {{0, 70}, {69, 70}, {3, 66}}, 0.3F);
      for (const auto& partial : partials) {
        EXPECT_TRUE(std::isfinite(partial->partial.max));
        EXPECT_TRUE(std::isfinite(partial->partial.sum));
        for (const float value : partial->values) EXPECT_TRUE(std::isfinite(value));
      }
    }
  });
}

TEST(Attend, PositionsThatOnlyOthersSeeDoNotLeakIn) {
  OnEverySimdTarget([] {
    for (const DType dtype : kFloatDTypes) {
      TestCache cache(dtype, 64, 256);
      const std::vector<float> poison(64, kNaN);
      for (const int64_t p : {0, 40, 200}) {
        StoreKeyValue(poison.data(), poison.data(), 64, dtype, p % kKvPageTokens,
                      cache.pages[static_cast<size_t>(p / kKvPageTokens)].data());
      }
      const std::vector<float> query = RandomFloats(64, 9);
      const auto partials = Attend(cache, 0, {query.data(), query.data(), query.data()},
                                   {{0, 256}, {1, 40}, {41, 200}}, 0.1F);
      EXPECT_TRUE(std::isnan(partials[0]->partial.sum));
      for (const size_t i : {size_t{1}, size_t{2}}) {
        EXPECT_TRUE(std::isfinite(partials[i]->partial.sum));
        for (const float value : partials[i]->values) EXPECT_TRUE(std::isfinite(value));
      }
    }
  });
}

TEST(Attend, AQueryGivesTheSameBitsAloneAndAmongOthers) {
  OnEverySimdTarget([] {
    for (const DType dtype : kFloatDTypes) {
      for (const int64_t head_dim : {6, 20, 128}) {
        const TestCache cache(dtype, head_dim, 256);
        const std::vector<float> data = RandomFloats(40 * head_dim, 9);
        std::mt19937 generator(13);
        std::vector<const float*> queries;
        std::vector<Range> ranges;
        for (int64_t i = 0; i < 40; ++i) {
          queries.push_back(data.data() + i * head_dim);
          const auto first = static_cast<int64_t>(generator() % 256);
          const auto size = static_cast<int64_t>(generator()) % (256 - first) + 1;
          // Some alike, as rows of a chunk are, some disjoint.
          ranges.push_back(i % 7 < 4 ? Range{0, 200 + i} : Range{first, first + size});
        }
        const auto together = Attend(cache, 0, queries, ranges, 0.2F);
        for (size_t i = 0; i < queries.size(); ++i) {
          const auto alone = Attend(cache, 0, {queries[i]}, {ranges[i]}, 0.2F);
          ASSERT_TRUE(SameBits(*alone[0], *together[i])) << "query " << i;
        }
      }
    }
  });
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
  MergePartial(partials[0]->partial, 20, total.partial);
  EXPECT_TRUE(SameBits(total, *partials[0]));
  const TestPartial empty(20);
  MergePartial(empty.partial, 20, total.partial);
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

void ExpectRoundedInPlace(DType dtype, const std::vector<float>& key, int64_t slot) {
  const auto size = static_cast<size_t>(BytesOf(dtype, 1));
  const auto dim = static_cast<int64_t>(key.size());
  const std::vector<float> value(key.rbegin(), key.rend());
  std::vector<std::byte> page(static_cast<size_t>(KvPageBytes(dtype, dim)));
  ASSERT_EQ(page.size(), 2 * 64 * key.size() * size);
  StoreKeyValue(key.data(), value.data(), dim, dtype, slot, page.data());
  const RoundedValues rounded_key = RoundTo(dtype, key);
  const RoundedValues rounded_value = RoundTo(dtype, value);
  for (int64_t i = 0; i < dim; ++i) {
    if (std::isnan(key[static_cast<size_t>(i)])) continue;
    const int64_t place = (slot / 16 * dim + i) * 16 + slot % 16;
    const size_t index = static_cast<size_t>(i) * size;
    ASSERT_EQ(std::memcmp(page.data() + BytesOf(dtype, place), &rounded_key.bytes[index], size), 0)
        << i;
  }
  std::vector<float> stored(key.size());
  WidenToFloat(page.data() + BytesOf(dtype, (64 + slot) * dim), dtype, dim, stored.data());
  for (size_t i = 0; i < stored.size(); ++i) {
    ASSERT_EQ(std::isnan(stored[i]), std::isnan(value[i])) << i;
    if (std::isnan(value[i])) continue;
    ASSERT_EQ(BitsOf(stored[i]), BitsOf(rounded_value.floats[i])) << i;
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

}  // namespace
}  // namespace trinity
