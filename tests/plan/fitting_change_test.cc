#include "plan/fitting_change.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "convert/preset_config.h"

namespace trinity {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::StartsWith;

std::vector<std::string> FlagsThatFit(std::string_view preset, const RunShape& shape,
                                      int64_t memory_bytes) {
  const Config config = Config::FromJson(PresetConfig(preset), std::string(preset));
  const std::vector<PlannedTensor> tensors = PlanTensors(config, "bf16");
  std::vector<std::string> flags;
  for (const FittingChange& change : FindFittingChanges(config, tensors, shape, memory_bytes)) {
    EXPECT_LE(change.memory.total(), memory_bytes) << change.flag;
    flags.push_back(change.flag);
  }
  return flags;
}

TEST(FittingChange, ALongContextCanBeShorterSmallerOrSpread) {
  RunShape shape;
  shape.context = 131072;
  EXPECT_THAT(FlagsThatFit("nano", shape, 15'000'000'000),
              ElementsAre("--kv-type f16", StartsWith("--context "), "--type q8_0",
                          "--weights mapped", "--ranks 2"));
}

TEST(FittingChange, ManySequencesCanBeFewer) {
  RunShape shape;
  shape.context = 32768;
  shape.num_sequences = 8;
  EXPECT_THAT(FlagsThatFit("nano", shape, 16'000'000'000),
              testing::Contains(StartsWith("--sequences ")));
}

TEST(FittingChange, WeightsThatDoNotFitNeedASmallerTypeOrMoreRanks) {
  RunShape shape;
  shape.context = 4096;
  EXPECT_THAT(FlagsThatFit("mini", shape, 24'000'000'000),
              ElementsAre("--type q6_k", "--weights mapped", "--ranks 3"));
}

TEST(FittingChange, MoreRanksAreAMultipleOfExpertGroups) {
  RunShape shape;
  shape.context = 4096;
  shape.ranks = {2, 2};
  EXPECT_THAT(FlagsThatFit("mini", shape, 12'000'000'000), testing::Contains("--ranks 6"));
}

TEST(FittingChange, NothingHelpsWhereMemoryIsTooSmallForTheProgram) {
  RunShape shape;
  shape.context = 64;
  EXPECT_THAT(FlagsThatFit("large", shape, 50'000'000), IsEmpty());
}

}  // namespace
}  // namespace trinity
