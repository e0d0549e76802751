#include "measure/expected_speed.h"

#include <gtest/gtest.h>

#include "checkpoint/checkpoint.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

Config BaseConfig() {
  const Checkpoint checkpoint = Checkpoint::Open(GoldenFolder("base"));
  return Config::FromJson(checkpoint.config(), "base");
}

TEST(ExpectedSpeed, BFloat16IsTheSumOfAllParameters) {
  const Config config = BaseConfig();
  const TypedWeights bf16 = PlanTypes(config).front();
  const WeightCount total = PlanWeights(config, DType::kBF16).Total();
  EXPECT_EQ(bf16.type, "bf16");
  EXPECT_EQ(bf16.bytes, 2 * total.parameters);
  EXPECT_EQ(bf16.active_bytes, 2 * total.active_parameters);
}

TEST(ExpectedSpeed, TypesGetSmallerAndFaster) {
  const Config config = BaseConfig();
  const std::vector<TypedWeights> types = PlanTypes(config);
  ASSERT_EQ(types.size(), 6u);
  for (size_t i = 1; i < types.size(); ++i) {
    EXPECT_LT(types[i].bytes, types[i - 1].bytes) << types[i].type;
    EXPECT_GT(Expect(config, types[i], 64, 1 << 30, 1e9).tokens_per_s,
              Expect(config, types[i - 1], 64, 1 << 30, 1e9).tokens_per_s);
  }
}

TEST(ExpectedSpeed, ATokenReadsActiveWeightsAndHalfOfTheContext) {
  const Config config = BaseConfig();
  const TypedWeights weights = {"q8_0", 5'000'000, 1'000'000};
  const int64_t kv_bytes = PlanKv(config, DType::kF16, 50).total();
  const ExpectedSpeed expected = Expect(config, weights, 100, 400'000'000, 2e9);
  EXPECT_DOUBLE_EQ(expected.tokens_per_s, 2e9 / static_cast<double>(1'000'000 + kv_bytes));
  EXPECT_EQ(expected.memory_bytes, 305'000'000 + PlanKv(config, DType::kF16, 100).total());
  EXPECT_TRUE(expected.fits);
  EXPECT_FALSE(Expect(config, weights, 100, 305'000'000, 2e9).fits);
}

}  // namespace
}  // namespace trinity
