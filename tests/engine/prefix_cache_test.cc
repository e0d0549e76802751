#include "engine/prefix_cache.h"

#include <gmock/gmock.h>

#include <numeric>

#include "tests/support/golden.h"

namespace trinity {
namespace {

class PrefixCacheTest : public testing::Test {
 protected:
  // Computes nothing: only where pages are is looked at.
  void Keep(const std::vector<int32_t>& ids) {
    KvCache cache(pools_);
    const auto count = static_cast<int64_t>(ids.size());
    cache.Reserve(count);
    cache.Commit(count);
    prefixes_.Keep(ids, cache);
  }
  int64_t NumCached(const std::vector<int32_t>& ids) {
    return prefixes_.Find(ids, static_cast<int64_t>(ids.size())).num_cached;
  }
  static std::vector<int32_t> Ids(int64_t count, int32_t first) {
    std::vector<int32_t> ids(static_cast<size_t>(count));
    std::iota(ids.begin(), ids.end(), first);
    return ids;
  }

  // Its window is 64.
  Config config_ = Config::FromJson(Checkpoint::Open(GoldenFolder("long")).config(), "long");
  KvPools pools_{config_, DType::kF32, FreedPages::kFillWithNan};
  PrefixCache prefixes_{pools_};
};

TEST_F(PrefixCacheTest, AStateCanBeCutWhereItStillHoldsTheWindow) {
  Keep(Ids(300, 0));
  EXPECT_EQ(NumCached(Ids(300, 0)), 300);
  EXPECT_EQ(NumCached(Ids(299, 0)), 299);
  EXPECT_EQ(NumCached(Ids(200, 0)), 0);
  Keep(Ids(60, 1000));
  for (const int64_t length : {1, 30, 60}) EXPECT_EQ(NumCached(Ids(length, 1000)), length);
}

TEST_F(PrefixCacheTest, TheLongestStateThatTheTextPassesIsFound) {
  for (const int64_t length : {100, 200, 300}) Keep(Ids(length, 0));
  std::vector<int32_t> ids = Ids(250, 0);
  ids.push_back(9999);
  const PrefixCache::Match match = prefixes_.Find(ids, 251);
  EXPECT_EQ(match.num_cached, 200);
  EXPECT_EQ(match.miss.num_matched, 250);
  EXPECT_EQ(match.miss.reason, PrefixMissReason::kBetween);
}

TEST_F(PrefixCacheTest, WhatWasNotUsedForTheLongestTimeIsGivenUpFirst) {
  for (const int32_t first : {0, 1000, 2000}) Keep(Ids(100, first));
  KvCache cache(pools_);
  prefixes_.Take(Ids(100, 0), 100, cache);
  EXPECT_TRUE(prefixes_.EvictOldest(Eviction::kFreesPages));
  EXPECT_EQ(NumCached(Ids(100, 1000)), 0);
  EXPECT_EQ(prefixes_.Find(Ids(100, 1000), 100).miss.reason, PrefixMissReason::kEvicted);
  EXPECT_EQ(NumCached(Ids(100, 2000)), 100);
  EXPECT_TRUE(prefixes_.EvictOldest(Eviction::kFreesPages));
  // All pages of the one that is left are the cache's too.
  EXPECT_FALSE(prefixes_.EvictOldest(Eviction::kFreesPages));
  EXPECT_TRUE(prefixes_.EvictOldest(Eviction::kAny));
  EXPECT_FALSE(prefixes_.EvictOldest(Eviction::kAny));
  EXPECT_EQ(cache.length(), 100);
  cache.Clear();
  EXPECT_EQ(pools_.bytes_in_use(), 0);
}

}  // namespace
}  // namespace trinity
