#include "convert/shard_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <vector>

namespace trinity {
namespace {

using testing::ElementsAre;

std::vector<TensorSpec> Tensors(const std::vector<int64_t>& sizes) {
  std::vector<TensorSpec> tensors;
  for (const int64_t size : sizes) {
    tensors.push_back(
        {std::string(1, static_cast<char>('a' + tensors.size())), DType::kU8, {size}});
  }
  return tensors;
}

std::vector<int64_t> ShardBytes(const std::vector<int64_t>& sizes, int64_t max_shard_bytes) {
  std::vector<int64_t> num_bytes;
  for (const Shard& shard : PlanShards(Tensors(sizes), max_shard_bytes)) {
    num_bytes.push_back(shard.num_bytes);
  }
  return num_bytes;
}

TEST(ShardPlan, BeginsAFileWhereTheNextTensorDoesNotFit) {
  EXPECT_THAT(ShardBytes({4, 6, 1, 9, 10}, 10), ElementsAre(10, 10, 10));
  EXPECT_THAT(ShardBytes({4, 7, 1}, 10), ElementsAre(4, 8));
}

TEST(ShardPlan, GivesATensorAboveTheLimitAFileOfItsOwn) {
  EXPECT_THAT(ShardBytes({1, 50, 1}, 10), ElementsAre(1, 50, 1));
  EXPECT_THAT(ShardBytes({50, 1}, 10), ElementsAre(50, 1));
}

TEST(ShardPlan, OneFileIsCalledModelSafetensors) {
  EXPECT_EQ(PlanShards(Tensors({1, 2}), 10).at(0).file_name, "model.safetensors");
  const std::vector<Shard> shards = PlanShards(Tensors({1, 2}), 2);
  EXPECT_EQ(shards.at(0).file_name, "model-00001-of-00002.safetensors");
  EXPECT_EQ(shards.at(1).file_name, "model-00002-of-00002.safetensors");
}

TEST(ShardPlan, IndexNamesTheFileOfEachTensor) {
  const Json index = ShardIndexJson(PlanShards(Tensors({1, 2, 3}), 3));
  EXPECT_EQ(index.dump(),
            R"({"metadata":{"total_size":6},"weight_map":{"a":"model-00001-of-00002.safetensors",)"
            R"("b":"model-00001-of-00002.safetensors","c":"model-00002-of-00002.safetensors"}})");
}

}  // namespace
}  // namespace trinity
