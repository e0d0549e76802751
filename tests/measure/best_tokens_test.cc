#include "measure/best_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace trinity {
namespace {

std::vector<int32_t> Ids(std::vector<float> logits, size_t count) {
  std::vector<int32_t> ids;
  for (const ScoredToken& token : BestTokens(logits, count)) ids.push_back(token.id);
  return ids;
}

TEST(BestTokens, ComeBestFirstAndTiesByLowerId) {
  EXPECT_THAT(Ids({1, 3, 2, 3}, 3), testing::ElementsAre(1, 3, 2));
  EXPECT_THAT(Ids({1, 2}, 5), testing::ElementsAre(1, 0));
  EXPECT_THAT(Ids({}, 5), testing::ElementsAre());
}

TEST(BestTokens, NanComesLast) {
  EXPECT_THAT(Ids({std::nanf(""), -1, std::nanf(""), 1}, 4), testing::ElementsAre(3, 1, 0, 2));
}

}  // namespace
}  // namespace trinity
