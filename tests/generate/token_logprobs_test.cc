#include "generate/token_logprobs.h"

#include <gtest/gtest.h>

#include "tests/generate/reference_sampling.h"

namespace trinity {
namespace {

TEST(TokenLogprobs, AreTheLogSoftmaxOfTheLogits) {
  std::mt19937 random(2);
  for (const size_t size : {1, 5, 300, 4001}) {
    const std::vector<float> logits = RandomLogits(random, size, Ties::kMany);
    const Distribution p = PlainSoftmax(logits);
    const auto picked = static_cast<int32_t>(size / 2);
    const TokenLogprobs logprobs = TopLogprobs(logits, static_cast<int64_t>(size), picked, 20);
    EXPECT_EQ(logprobs.picked.id, picked);
    EXPECT_NEAR(logprobs.picked.logprob, std::log(p[size / 2]), 1e-12);
    const std::vector<int32_t> best = IdsByKey(size, [&](int32_t id) { return logits[id]; });
    ASSERT_EQ(logprobs.top.size(), std::min(size, size_t{20}));
    for (size_t i = 0; i < logprobs.top.size(); ++i) {
      EXPECT_EQ(logprobs.top[i].id, best[i]);
      EXPECT_NEAR(logprobs.top[i].logprob, std::log(p[best[i]]), 1e-12);
    }
  }
}

TEST(TokenLogprobs, PaddingRowsHaveTheirShareButAreNeverListed) {
  const TokenLogprobs logprobs = TopLogprobs(std::vector<float>{0, 0, 1, 1}, 2, 1, 10);
  EXPECT_EQ(logprobs.top.size(), 2);
  EXPECT_NEAR(logprobs.picked.logprob, -std::log(2 + 2 * std::exp(1)), 1e-14);
}

TEST(TokenLogprobs, OfBrokenLogitsAreNeverNan) {
  for (const std::vector<float>& logits :
       {std::vector<float>(3, kMinusInfinity), {NAN, 1, 2}, {INFINITY, 1, NAN}}) {
    const TokenLogprobs logprobs = TopLogprobs(logits, 3, 0, 3);
    EXPECT_FALSE(std::isnan(logprobs.picked.logprob));
    for (const TokenLogprob& entry : logprobs.top) EXPECT_FALSE(std::isnan(entry.logprob));
  }
}

}  // namespace
}  // namespace trinity
