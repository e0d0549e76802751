#include "measure/bench.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/golden.h"

namespace trinity {
namespace {

// 8 layers, of which 2 are full, window 8.
class BenchTest : public testing::Test {
 protected:
  BenchTest()
      : pool_(2),
        checkpoint_(Checkpoint::Open(GoldenFolder("base"))),
        model_(Model::Load(checkpoint_, pool_)) {}

  BenchResult Run(const BenchCell& cell, const BenchOptions& options = {}) {
    Bench bench(*model_, options);
    const std::optional<BenchResult> result = bench.Run(cell, CancelToken());
    EXPECT_TRUE(result);
    return result.value_or(BenchResult{});
  }

  const Config& config() const { return model_->config(); }

  ThreadPool pool_;
  Checkpoint checkpoint_;
  std::unique_ptr<Model> model_;
};

TEST_F(BenchTest, CountsVisibleKeysAsTheyAreDefined) {
  const int64_t window = *config().sliding_window;
  for (const int64_t first : {int64_t{0}, window - 3, window + 5}) {
    for (const int64_t count : {int64_t{1}, int64_t{7}, 2 * window}) {
      VisibleKeys expected;
      for (const LayerPlan& layer : PlanLayers(config())) {
        int64_t first_seen = first + count;
        for (int64_t position = first; position < first + count; ++position) {
          const int64_t begin =
              layer.window ? std::max<int64_t>(0, position - *layer.window + 1) : 0;
          expected.pairs += position + 1 - begin;
          first_seen = std::min(first_seen, begin);
        }
        expected.keys += first + count - first_seen;
      }
      const VisibleKeys visible = CountVisible(config(), first, count);
      EXPECT_EQ(visible.pairs, expected.pairs) << first << " " << count;
      EXPECT_EQ(visible.keys, expected.keys) << first << " " << count;
    }
  }
}

TEST_F(BenchTest, ADecodeOfABatchReadsDenseWeightsOnceAndEachCacheByItself) {
  const BenchResult one = Run({BenchKind::kDecode, 40, 1, 6});
  const BenchResult four = Run({BenchKind::kDecode, 40, 4, 6});
  EXPECT_EQ(four.work.kv_bytes, 4 * one.work.kv_bytes);
  EXPECT_EQ(four.work.ops, 4 * one.work.ops);
  EXPECT_GT(one.work.weight_bytes, 0);
  EXPECT_LT(four.work.weight_bytes, 4 * one.work.weight_bytes);
}

TEST_F(BenchTest, DeeperContextsReadMoreAndAHalfWideCacheHalf) {
  const BenchResult shallow = Run({BenchKind::kDecode, 10, 1, 4});
  const BenchResult deep = Run({BenchKind::kDecode, 100, 1, 4});
  EXPECT_GT(deep.work.kv_bytes, 2 * shallow.work.kv_bytes);
  BenchOptions half;
  half.kv_dtype = DType::kF16;
  EXPECT_EQ(2 * Run({BenchKind::kDecode, 100, 1, 4}, half).work.kv_bytes, deep.work.kv_bytes);
}

TEST_F(BenchTest, APrefillIsCutIntoChunks) {
  BenchOptions options;
  options.prefill_chunk = 8;
  const BenchResult cut = Run({BenchKind::kPrefill, 16, 1, 20}, options);
  const BenchResult whole = Run({BenchKind::kPrefill, 16, 1, 20});
  EXPECT_EQ(cut.work.ops, whole.work.ops);
  // Weights are read once a chunk.
  EXPECT_GT(cut.work.weight_bytes, 1.5 * whole.work.weight_bytes);
}

TEST_F(BenchTest, TellsTheMedianBetweenFastestAndSlowest) {
  BenchOptions options;
  options.repeats = 4;
  const BenchResult result = Run({BenchKind::kDecode, 0, 2, 3}, options);
  EXPECT_LE(result.seconds_min, result.seconds);
  EXPECT_LE(result.seconds, result.seconds_max);
  EXPECT_GT(result.seconds_min, 0);
  EXPECT_LE(result.tokens_per_s_min(), result.tokens_per_s());
  EXPECT_DOUBLE_EQ(result.tokens_per_s(), 6 / result.seconds);
}

TEST_F(BenchTest, SkipsWhatDoesNotFit) {
  const Bench bench(*model_, {});
  const int64_t longest = config().max_position_embeddings;
  EXPECT_EQ(bench.ReasonToSkip({BenchKind::kDecode, longest - 8, 1, 8}), std::nullopt);
  EXPECT_THAT(bench.ReasonToSkip({BenchKind::kDecode, longest - 7, 1, 8}).value_or(""),
              testing::HasSubstr("max_position_embeddings"));
  EXPECT_THAT(
      bench.ReasonToSkip({BenchKind::kDecode, longest - 8, int64_t{1} << 40, 8}).value_or(""),
      testing::HasSubstr("keys and values"));
}

TEST_F(BenchTest, EndsWhereItIsCancelled) {
  Bench bench(*model_, {});
  CancelToken cancel;
  cancel.Cancel();
  EXPECT_EQ(bench.Run({BenchKind::kDecode, 0, 1, 2}, cancel), std::nullopt);
}

TEST(RoofShare, IsTheLongerOfReadingAndArithmetic) {
  Roof roof;
  roof.read_bytes_per_s = 100;
  roof.ops_per_s[static_cast<size_t>(Arithmetic::kF32)] = 1000;
  roof.ops_per_s[static_cast<size_t>(Arithmetic::kInt8)] = 4000;
  BenchResult result;
  result.seconds = 2;
  result.work = {.weight_bytes = 60, .kv_bytes = 40, .ops = 1600};
  EXPECT_DOUBLE_EQ(ShareOf(result, roof, Arithmetic::kF32).share, 0.8);
  EXPECT_FALSE(ShareOf(result, roof, Arithmetic::kF32).is_bound_by_reading);
  EXPECT_DOUBLE_EQ(ShareOf(result, roof, Arithmetic::kInt8).share, 0.5);
  EXPECT_TRUE(ShareOf(result, roof, Arithmetic::kInt8).is_bound_by_reading);
  roof.small_set_bytes_per_s = 400;  // it all stands in a cache
  EXPECT_DOUBLE_EQ(ShareOf(result, roof, Arithmetic::kInt8).share, 0.2);
}

TEST(RoofMeter, KeepsTheBest) {
  ThreadPool pool(2);
  RoofMeter meter(pool, 1 << 20);
  meter.Measure();
  const Roof first = meter.roof();
  EXPECT_GT(first.read_bytes_per_s, 0);
  EXPECT_GT(first.read_set_bytes, 0);
  EXPECT_GT(first.small_set_bytes_per_s, 0);
  for (int i = 0; i < kNumArithmetics; ++i) {
    EXPECT_EQ(first.ops_per_s[static_cast<size_t>(i)] > 0,
              !InstructionOf(static_cast<Arithmetic>(i)).empty());
  }
  meter.Measure();
  EXPECT_GE(meter.roof().read_bytes_per_s, first.read_bytes_per_s);
  EXPECT_GE(meter.roof().OpsPerSecond(Arithmetic::kF32), first.OpsPerSecond(Arithmetic::kF32));
}

}  // namespace
}  // namespace trinity
