#include "generate/token_penalties.h"

#include <gtest/gtest.h>

#include "tests/generate/reference_sampling.h"

namespace trinity {
namespace {

// The penalties by their definition, from the whole history.
std::vector<float> Penalised(const std::vector<float>& logits, const TokenHistory& history,
                             const SamplingOptions& o) {
  std::vector<float> out = logits;
  const size_t last_n = static_cast<size_t>(o.penalty_last_n.value_or(INT64_MAX));
  const size_t first = history.ids.size() - std::min(history.ids.size(), last_n);
  for (size_t id = 0; id < logits.size(); ++id) {
    int repeated = 0, counted = 0;
    for (size_t i = first; i < history.ids.size(); ++i) {
      if (history.ids[i] != static_cast<int32_t>(id)) continue;
      ++repeated;
      const bool is_output = i >= history.num_prompt_ids;
      counted += is_output || o.counted_tokens == CountedTokens::kPromptAndOutput ? 1 : 0;
    }
    if (repeated > 0) {
      const double p = o.repetition_penalty;
      out[id] = static_cast<float>(out[id] > 0 ? out[id] / p : out[id] * p);
    }
    if (counted > 0) {
      out[id] = static_cast<float>(out[id] - (o.presence_penalty + o.frequency_penalty * counted));
    }
  }
  return out;
}

TEST(TokenPenalties, AreThoseOfTheDefinitionAtEveryToken) {
  std::mt19937 random(3);
  for (const std::optional<int64_t> last_n :
       {std::optional<int64_t>(), std::optional<int64_t>(0), std::optional<int64_t>(1),
        std::optional<int64_t>(10)}) {
    for (const CountedTokens counted : {CountedTokens::kOutput, CountedTokens::kPromptAndOutput}) {
      SamplingOptions options;
      options.repetition_penalty = 1.3;
      options.presence_penalty = 0.5;
      options.frequency_penalty = -0.25;
      options.penalty_last_n = last_n;
      options.counted_tokens = counted;
      TokenPenalties penalties(options);
      TokenHistory history;
      history.num_prompt_ids = 20;
      for (int i = 0; i < 60; ++i) {
        history.ids.push_back(static_cast<int32_t>(random() % 14));  // some beyond the vocabulary
        penalties.CountLast(history);
        const std::vector<float> logits = RandomLogits(random, 12, Ties::kNone);
        Candidates candidates;
        candidates.Reset(logits);
        penalties.Apply(candidates);
        const std::vector<float> expected = Penalised(logits, history, options);
        EXPECT_TRUE(std::equal(expected.begin(), expected.end(), candidates.logits().begin()));
      }
    }
  }
}

TEST(TokenPenalties, ReachCandidatesThatAStepHasLeft) {
  SamplingOptions options;
  options.presence_penalty = 1;
  TokenPenalties penalties(options);
  TokenHistory history{{0, 2}, 0};
  penalties.CountLast({{0}, 0});
  penalties.CountLast(history);
  Candidates candidates;
  candidates.Reset(std::vector<float>{1, 5, 7, 6});
  candidates.KeepIndices({3, 2, 1});
  penalties.Apply(candidates);
  EXPECT_EQ(candidates.logits()[0], 5);
  EXPECT_EQ(candidates.logits()[1], 6);
  EXPECT_EQ(candidates.logits()[2], 6);
}

TEST(TokenPenalties, KeepExtremeLogitsFinite) {
  SamplingOptions options;
  options.repetition_penalty = 100;
  options.frequency_penalty = 100;
  TokenPenalties penalties(options);
  penalties.CountLast({{0}, 0});
  Candidates candidates;
  candidates.Reset(std::vector<float>{-std::numeric_limits<float>::max(), 1});
  penalties.Apply(candidates);
  EXPECT_TRUE(std::isfinite(candidates.logits()[0]));
}

}  // namespace
}  // namespace trinity
