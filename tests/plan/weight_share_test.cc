#include "plan/weight_share.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/thread_pool.h"
#include "model/model_group.h"
#include "tests/support/golden.h"
#include "tests/support/quantized_checkpoint.h"

namespace trinity {
namespace {

Config ConfigOf(const Checkpoint& checkpoint) {
  return Config::FromJson(checkpoint.config(), checkpoint.config_origin());
}

LoadOptions On(const RankGrid& grid) {
  LoadOptions options;
  options.grid = grid;
  return options;
}

std::vector<int64_t> BytesOfRanks(const Checkpoint& checkpoint, const RankGrid& grid) {
  ModelGroup group(checkpoint, 1, On(grid));
  return group.leader().rank_weight_bytes();
}

constexpr RankGrid kGrids[] = {{1}, {2}, {3}, {4}, {5}, {8}, {13}, {2, 2}, {4, 2}, {8, 4}};

TEST(WeightShare, NoRankOfAGoldenHoldsMore) {
  for (const std::string& name : GoldenCases()) {
    const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder(name));
    for (const RankGrid& grid : kGrids) {
      SCOPED_TRACE(
          fmt::format("{} on {} ranks in {} groups", name, grid.num_ranks, grid.expert_groups));
      const std::vector<int64_t> bytes = BytesOfRanks(checkpoint, grid);
      ASSERT_EQ(static_cast<int>(bytes.size()), grid.num_ranks);
      const WeightShareReport report =
          CheckWeightShares(ConfigOf(checkpoint), checkpoint, grid, bytes, std::nullopt);
      EXPECT_TRUE(report.Passed()) << report.largest_bytes << " of " << report.bound_bytes;
    }
  }
}

TEST(WeightShare, NoRankOfAQuantizedModelHoldsMore) {
  const TemporaryFolder folder;
  const Checkpoint pico = Checkpoint::Open(PicoFolder());
  const std::vector<std::vector<DType>> types = {
      {DType::kBF16}, {DType::kQ8_0}, {DType::kQ4_K, DType::kQ6_K, DType::kQ3_K, DType::kIQ4_XS}};
  for (const std::vector<DType>& dtypes : types) {
    const Checkpoint quantized =
        QuantizedCheckpoint(pico, dtypes, folder / fmt::format("{}.gguf", NameOf(dtypes.front())));
    for (const RankGrid& grid : {RankGrid{1}, {2}, {3}, {5}, {8}, {4, 2}}) {
      SCOPED_TRACE(fmt::format("{} on {} ranks", NameOf(dtypes.front()), grid.num_ranks));
      const WeightShareReport report = CheckWeightShares(
          ConfigOf(quantized), quantized, grid, BytesOfRanks(quantized, grid), std::nullopt);
      EXPECT_TRUE(report.Passed()) << report.largest_bytes << " of " << report.bound_bytes;
    }
  }
}

// What the largest share is, without the roundings: total / ranks and what all ranks hold.
TEST(WeightShare, IsTheTotalByRanksAndTheReplicatedParts) {
  const Checkpoint pico = Checkpoint::Open(PicoFolder());
  const Config config = ConfigOf(pico);
  const std::vector<PlannedTensor> tensors = PlanTensors(config, pico);
  int64_t replicated = 0;
  for (const PlannedTensor& tensor : tensors) {
    if (tensor.cut == TensorCut::kWhole) {
      replicated += PackedBytes(tensor.dtype, tensor.rows, tensor.cols);
    }
  }
  const int64_t whole = LargestWeightShare(config, tensors, {}, std::nullopt);
  for (const RankGrid& grid : {RankGrid{2}, {4}, {4, 2}}) {
    const int64_t share = LargestWeightShare(config, tensors, grid, std::nullopt);
    EXPECT_GE(share, whole / grid.num_ranks);
    EXPECT_LE(share, whole / grid.num_ranks + replicated + whole / 50) << grid.num_ranks;
  }
}

// A rank that holds what it would of fewer ranks has too much.
TEST(WeightShare, ARankThatHoldsMoreIsFound) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  std::vector<int64_t> bytes = BytesOfRanks(checkpoint, {4});
  bytes[2] = BytesOfRanks(checkpoint, {2}).front();
  const WeightShareReport report =
      CheckWeightShares(ConfigOf(checkpoint), checkpoint, {4}, bytes, std::nullopt);
  EXPECT_FALSE(report.Passed());
  EXPECT_EQ(report.largest_rank, 2);
  EXPECT_EQ(report.largest_bytes, bytes[2]);
}

TEST(WeightShare, ExpertsInFilesCountAsTheirCache) {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  LoadOptions options = On({2});
  options.expert_cache_bytes = 64 << 10;
  ModelGroup group(checkpoint, 1, options);
  const std::vector<int64_t>& bytes = group.leader().rank_weight_bytes();
  const WeightShareReport report =
      CheckWeightShares(ConfigOf(checkpoint), checkpoint, {2}, bytes, options.expert_cache_bytes);
  EXPECT_TRUE(report.Passed()) << report.largest_bytes << " of " << report.bound_bytes;
  EXPECT_LT(
      report.bound_bytes,
      CheckWeightShares(ConfigOf(checkpoint), checkpoint, {2}, bytes, std::nullopt).bound_bytes);
}

}  // namespace
}  // namespace trinity
