#include "model/rank_slice.h"

#include <gtest/gtest.h>

#include <vector>

#include "checkpoint/checkpoint.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

Config ConfigWithHeads(int64_t query_heads, int64_t kv_heads) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  Config config = Config::FromJson(checkpoint.config(), "base");
  config.num_attention_heads = query_heads;
  config.num_key_value_heads = kv_heads;
  config.intermediate_size = 3072;
  config.moe_intermediate_size = 256;
  config.vocab_size = 200192;
  return config;
}

// That the ranges follow each other, cover [0, size) and begin at multiples of `unit`.
void ExpectPartition(const std::vector<IndexRange>& ranges, int64_t size, int64_t unit) {
  int64_t end = 0;
  for (const IndexRange& range : ranges) {
    EXPECT_EQ(range.begin, end);
    EXPECT_TRUE(range.begin % unit == 0 || range.size() == 0);
    end = range.end;
  }
  EXPECT_EQ(end, size);
}

TEST(RankSlice, SharesDifferByOneUnitAtMost) {
  for (int num_ranks = 1; num_ranks <= 64; ++num_ranks) {
    std::vector<IndexRange> ranges;
    for (int rank = 0; rank < num_ranks; ++rank) {
      ranges.push_back(ShareOf(1000, 32, num_ranks, rank));
    }
    ExpectPartition(ranges, 1000, 32);
    EXPECT_LE(ranges.front().size() - ranges.back().size(), 2 * 32) << num_ranks;
  }
}

TEST(RankSlice, EveryPartOfAModelHasItsRank) {
  const Config config = ConfigWithHeads(48, 8);
  for (int num_ranks = 1; num_ranks <= 64; ++num_ranks) {
    std::vector<IndexRange> heads, dense, experts, vocabulary;
    for (int rank = 0; rank < num_ranks; ++rank) {
      const RankSlice slice = SliceOf(config, {num_ranks}, rank);
      heads.push_back(slice.query_heads);
      dense.push_back(slice.dense_cols);
      experts.push_back(slice.expert_cols);
      vocabulary.push_back(slice.vocabulary);
    }
    ExpectPartition(heads, 48, 1);
    ExpectPartition(dense, 3072, kCutCols);
    ExpectPartition(experts, 256, kCutCols);
    ExpectPartition(vocabulary, 200192, kCutCols);
  }
}

TEST(RankSlice, ARankHoldsTheKvHeadsThatItsQueryHeadsRead) {
  for (const auto& [query_heads, kv_heads] : {std::pair{48, 8}, {8, 2}, {32, 4}, {6, 3}}) {
    const Config config = ConfigWithHeads(query_heads, kv_heads);
    for (int num_ranks = 1; num_ranks <= 64; ++num_ranks) {
      for (int rank = 0; rank < num_ranks; ++rank) {
        const RankSlice slice = SliceOf(config, {num_ranks}, rank);
        for (int64_t head = slice.query_heads.begin; head < slice.query_heads.end; ++head) {
          const int64_t kv_head = head / (query_heads / kv_heads);
          EXPECT_LE(slice.kv_heads.begin, kv_head);
          EXPECT_LT(kv_head, slice.kv_heads.end);
        }
        EXPECT_EQ(slice.query_heads.size() == 0, slice.kv_heads.size() == 0);
      }
    }
  }
}

TEST(RankSlice, KvHeadsStandOnOneRankWhileThereAreEnough) {
  const Config config = ConfigWithHeads(48, 8);
  for (const int num_ranks : {1, 2, 3, 5, 8}) {
    std::vector<IndexRange> kv_heads;
    for (int rank = 0; rank < num_ranks; ++rank) {
      kv_heads.push_back(SliceOf(config, {num_ranks}, rank).kv_heads);
    }
    ExpectPartition(kv_heads, 8, 1);
  }
}

TEST(RankSlice, SixtyFourRanksOfFortyEightHeadsLeaveSixteenWithout) {
  const Config config = ConfigWithHeads(48, 8);
  int num_without = 0;
  for (int rank = 0; rank < 64; ++rank) {
    if (SliceOf(config, {64}, rank).query_heads.size() == 0) ++num_without;
  }
  EXPECT_EQ(num_without, 16);
}

}  // namespace
}  // namespace trinity
