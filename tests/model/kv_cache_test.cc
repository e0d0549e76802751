#include "model/kv_cache.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

Config SlidingConfig(int64_t window) {
  Config config = Config::FromJson(LoadJson(GoldenFolder("base") + "/config.json"), "base");
  config.sliding_window = window;
  return config;
}

// Commits `num_tokens` tokens in chunks; returns the most pages that sliding layers ever held.
int64_t Fill(KvCache& cache, int64_t num_tokens, int64_t chunk) {
  int64_t most_pages = 0;
  for (int64_t done = 0; done < num_tokens; done += chunk) {
    cache.Reserve(chunk);
    most_pages = std::max(most_pages, cache.num_pages(AttentionKind::kSliding));
    cache.Commit(chunk);
  }
  return most_pages;
}

TEST(KvCache, SlidingLayersHoldAtMostWindowAndChunkAndAPageAtTenWindows) {
  const Config config = SlidingConfig(512);
  for (const int64_t chunk : {1, 64, 256}) {
    KvPools pools(config, DType::kF32);
    KvCache cache(pools);
    const int64_t most_pages = Fill(cache, 10 * 512, chunk);
    EXPECT_LE(most_pages * kKvPageTokens, 512 + chunk + kKvPageTokens) << chunk;
    EXPECT_EQ(cache.num_pages(AttentionKind::kFull), 10 * 512 / kKvPageTokens);
  }
}

TEST(KvCache, KeepsExactlyThePagesThatTheNextPositionSees) {
  const Config config = SlidingConfig(100);
  KvPools pools(config, DType::kF32);
  KvCache cache(pools);
  Fill(cache, 300, 1);
  // Position 300 sees positions 201 to 300: pages 3 (192..255) and 4 (256..319).
  EXPECT_EQ(cache.num_pages(AttentionKind::kSliding), 2);
  const auto block = cache.BlockAt(AttentionKind::kSliding, 0, 0, 0);
  EXPECT_EQ(block[2], nullptr);
  EXPECT_NE(block[3], nullptr);
}

TEST(KvCache, HoldsTheWindowOfALengthUntilToldOtherwise) {
  const Config config = SlidingConfig(64);
  KvPools pools(config, DType::kF32);
  KvCache cache(pools);
  cache.HoldWindowAt(200);
  Fill(cache, 500, 500);
  EXPECT_TRUE(cache.CanTruncateTo(200));
  KvCache other(pools);
  other.ShareFrom(cache);
  other.TruncateTo(200);
  cache.ReleaseUnseen();
  EXPECT_FALSE(cache.CanTruncateTo(200));
  EXPECT_TRUE(cache.CanTruncateTo(499));
  EXPECT_TRUE(other.CanTruncateTo(200));
}

TEST(KvCache, GivesAllPagesBackAndReusesThem) {
  const Config config = SlidingConfig(64);
  KvPools pools(config, DType::kBF16);
  int64_t allocated = 0;
  for (int round = 0; round < 3; ++round) {
    KvCache cache(pools);
    Fill(cache, 500, 50);
    EXPECT_GT(pools.bytes_in_use(), 0);
    const int64_t now = pools.Of(AttentionKind::kFull).num_pages_allocated();
    if (round > 0) {
      EXPECT_EQ(now, allocated);
    }
    allocated = now;
  }
  EXPECT_EQ(pools.bytes_in_use(), 0);
}

TEST(KvCache, RefusesADTypeThatCannotHoldTheHead) {
  Config config = SlidingConfig(512);
  config.head_dim = 96;
  EXPECT_NO_THROW({ const KvPools pools(config, DType::kQ8_0); });
  config.head_dim = 80;
  try {
    const KvPools pools(config, DType::kQ8_0);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "keys and values in Q8_0: head_dim: expected a multiple of 32, found 80");
  }
}

TEST(KvPagePool, FillsFreedPagesWithNanWhenAskedTo) {
  const Config config = SlidingConfig(64);
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    KvPagePool pool(config, config.num_key_value_heads, AttentionKind::kFull, dtype,
                    FreedPages::kFillWithNan);
    KvPage* page = pool.Take();
    std::memset(page->data, 0, static_cast<size_t>(pool.page_bytes()));
    pool.Release(page);
    float value = 0;
    WidenToFloat(page->data, dtype, 1, &value);
    EXPECT_TRUE(std::isnan(value)) << NameOf(dtype);
  }
}

TEST(KvPagePool, FreesASharedPageWithItsLastOwner) {
  const Config config = SlidingConfig(64);
  KvPagePool pool(config, config.num_key_value_heads, AttentionKind::kFull, DType::kF32,
                  FreedPages::kLeave);
  KvPage* page = pool.Take();
  pool.Share(page);
  pool.Release(page);
  EXPECT_EQ(pool.num_pages_in_use(), 1);
  pool.Release(page);
  EXPECT_EQ(pool.num_pages_in_use(), 0);
}

}  // namespace
}  // namespace trinity
