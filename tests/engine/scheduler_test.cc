#include "engine/scheduler.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "tests/engine/scheduled_model.h"

namespace trinity {
namespace {

using testing::ElementsAre;

constexpr int64_t kEvery = 128;

// Different for different seeds from the first token on.
std::vector<int32_t> SomeIds(int64_t count, int64_t seed) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i) {
    ids.push_back(static_cast<int32_t>((seed * 31 + i * (seed + 7)) % 259));
  }
  return ids;
}

std::vector<int32_t> Joined(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// A scheduler with the usual options and nothing kept.
class SchedulerTest : public testing::Test {
 protected:
  SchedulerTest() { Begin({}); }

  static void Begin(EngineOptions options) {
    options.keep_every_tokens = kEvery;
    options.kv_budget_bytes = std::min(options.kv_budget_bytes, int64_t{1} << 27);
    LongModel().Begin(options);
  }
  static EngineStats Stats() { return LongModel().scheduler().Stats(); }
  // Rows of prompts that running `request` computes.
  static int64_t RowsOf(const EngineRequest& request) {
    const int64_t before = Stats().num_prefill_tokens;
    const auto heard = LongModel().Run(request);
    EXPECT_TRUE(IsSame(heard->answers.at(0), LongModel().Alone(request)));
    return Stats().num_prefill_tokens - before;
  }
};

TEST_F(SchedulerTest, ComputesThePromptOfAnEarlierRequestInOneRow) {
  for (const int64_t length : {1, 63, 64, 65, 127, 128, 191, 192, 300, 1000}) {
    Begin({});
    const EngineRequest request = LongModel().Asking(SomeIds(length, 1), 5);
    EXPECT_EQ(RowsOf(request), length);
    EXPECT_EQ(RowsOf(request), 1) << length;
  }
}

TEST_F(SchedulerTest, ComputesNothingOfAKeptBeginningAgain) {
  const std::vector<int32_t> system = SomeIds(700, 1);
  EngineRequest first = LongModel().Asking(Joined(system, SomeIds(90, 2)), 5);
  first.turn_ends = {700};
  EXPECT_EQ(RowsOf(first), 790);
  const EngineRequest second = LongModel().Asking(Joined(system, SomeIds(50, 3)), 5);
  EXPECT_EQ(RowsOf(second), 50);
}

TEST_F(SchedulerTest, ContinuesAConversationAfterTheAnswer) {
  const EngineRequest first = LongModel().Asking(SomeIds(200, 1), 30);
  const auto heard = LongModel().Run(first);
  std::vector<int32_t> next = Joined(first.text.tokens.prompt_ids, heard->answers.at(0).ids);
  // The last token of an answer has not gone through the model.
  EXPECT_EQ(RowsOf(LongModel().Asking(Joined(next, SomeIds(20, 2)), 5)), 21);
}

TEST_F(SchedulerTest, ComputesFewerThanNTokensAgainWhereverATextBranches) {
  const EngineRequest first = LongModel().Asking(SomeIds(500, 1), 300);
  const auto heard = LongModel().Run(first);
  const std::vector<int32_t> text = Joined(first.text.tokens.prompt_ids, heard->answers.at(0).ids);
  for (const int64_t branch : {70, 200, 256, 499, 600, 790}) {
    std::vector<int32_t> ids(text.begin(), text.begin() + branch);
    ids.push_back((text[static_cast<size_t>(branch)] + 1) % 259);
    const EngineRequest other = LongModel().Asking(ids, 5);
    EXPECT_LE(RowsOf(other), kEvery) << branch;
    // The place is now known as one where texts part.
    ids.back() = (ids.back() + 1) % 259;
    EXPECT_LE(RowsOf(LongModel().Asking(ids, 5)), 16) << branch;
  }
}

TEST_F(SchedulerTest, SaysWhyMoreOfAPromptWasNotCached) {
  const std::vector<int32_t> ids = SomeIds(500, 1);
  const auto miss_of = [](const std::vector<int32_t>& prompt) {
    return LongModel().Run(LongModel().Asking(prompt, 1))->usage->miss;
  };
  EXPECT_EQ(miss_of(ids).reason, PrefixMissReason::kNew);
  EXPECT_EQ(miss_of(ids).reason, PrefixMissReason::kNone);
  const PrefixMiss branch = miss_of(Joined({ids.begin(), ids.begin() + 200}, SomeIds(50, 2)));
  EXPECT_EQ(branch.reason, PrefixMissReason::kBetween);
  EXPECT_EQ(branch.num_matched, 200);
  LongModel().scheduler().ForgetPrefixes();
  EXPECT_EQ(miss_of(ids).reason, PrefixMissReason::kEvicted);
  EngineRequest scored = LongModel().Asking(ids, 1);
  scored.num_prompt_logprobs = 0;
  EXPECT_EQ(LongModel().Run(scored)->usage->miss.reason, PrefixMissReason::kOff);
  Begin({.keeps_prefixes = false});
  EXPECT_EQ(miss_of(ids).reason, PrefixMissReason::kOff);
  EXPECT_EQ(Stats().kv_bytes, 0);
}

TEST_F(SchedulerTest, EqualBeginningsThatComeTogetherAreComputedOnce) {
  const std::vector<int32_t> system = SomeIds(600, 1);
  std::vector<std::shared_ptr<CollectingListener>> heard;
  std::vector<EngineRequest> requests;
  for (int64_t i = 0; i < 8; ++i) {
    requests.push_back(LongModel().Asking(Joined(system, SomeIds(10, i + 2)), 4));
    heard.push_back(LongModel().Add(requests.back()));
  }
  LongModel().RunAll();
  EXPECT_EQ(Stats().num_prefill_tokens, 600 + 8 * 10);
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_TRUE(IsSame(heard[i]->answers.at(0), LongModel().Alone(requests[i])));
  }
}

TEST_F(SchedulerTest, AnswersToOnePromptShareIt) {
  EngineRequest request = LongModel().Asking(SomeIds(300, 1), 10);
  request.num_answers = 6;
  request.text.tokens.sampling.temperature = 1;
  const auto heard = LongModel().Run(request);
  EXPECT_EQ(Stats().num_prefill_tokens, 300 + 5);
  ASSERT_EQ(heard->answers.size(), 6);
  for (int64_t answer = 0; answer < 6; ++answer) {
    EXPECT_TRUE(IsSame(heard->answers.at(answer), LongModel().Alone(request, answer)));
  }
  EXPECT_NE(heard->answers.at(0).ids, heard->answers.at(1).ids);
  EXPECT_EQ(heard->usage->num_answer_tokens, 60);
}

TEST_F(SchedulerTest, EqualRequestsAtTheSameTimeGetOneAnswer) {
  const EngineRequest request = LongModel().Asking(SomeIds(150, 1), 20);
  std::vector<std::shared_ptr<CollectingListener>> heard(32);
  for (auto& one : heard) one = LongModel().Add(request);
  LongModel().RunAll();
  for (const auto& one : heard) EXPECT_EQ(one->answers.at(0).ids, heard[0]->answers.at(0).ids);
}

TEST_F(SchedulerTest, LogprobsOfAPromptAreThoseOfItsLogits) {
  Begin({.step_tokens = 64});
  EngineRequest request = LongModel().Asking(SomeIds(200, 1), 0);
  request.num_prompt_logprobs = 3;
  for (int i = 0; i < 2; ++i) LongModel().Add(LongModel().Asking(SomeIds(100, i + 2), 30));
  const auto heard = LongModel().Run(request);
  const std::vector<float> logits = RunModel(LongModel().model(), request.text.tokens.prompt_ids);
  ASSERT_EQ(heard->prompt_logprobs.size(), 199);
  for (size_t i = 0; i < 199; ++i) {
    EXPECT_EQ(heard->prompt_logprobs[i], TopLogprobs(std::span(logits).subspan(i * 259, 259), 259,
                                                     request.text.tokens.prompt_ids[i + 1], 3));
  }
  EXPECT_TRUE(heard->answers.at(0).ids.empty());
  EXPECT_EQ(heard->answers.at(0).reason, FinishReason::kLength);
}

TEST_F(SchedulerTest, AnEmbeddingDoesNotDependOnHowThePromptIsCut) {
  EngineRequest request = LongModel().Asking(SomeIds(200, 1), 0);
  request.wants_embedding = true;
  const auto whole = LongModel().Run(request);
  ASSERT_EQ(whole->embedding.size(), 64);
  Begin({.step_tokens = 7, .max_sequences = 3});
  LongModel().Run(LongModel().Asking(SomeIds(200, 1), 2));  // what is kept of it may not be used
  EXPECT_EQ(LongModel().Run(request)->embedding, whole->embedding);
}

TEST_F(SchedulerTest, AnswersGrowInEachStepWhileALongPromptIsComputed) {
  Begin({.step_tokens = 32, .max_sequences = 4});
  const auto stream = LongModel().Add(LongModel().Asking(SomeIds(10, 1), 60));
  LongModel().scheduler().RunStep();
  const auto long_prompt = LongModel().Add(LongModel().Asking(SomeIds(1000, 2), 1));
  for (size_t step = 1; step < 30; ++step) {
    EXPECT_EQ(stream->answers.at(0).ids.size(), step);
    LongModel().scheduler().RunStep();
  }
  EXPECT_FALSE(long_prompt->progress().empty());
  EXPECT_FALSE(long_prompt->has_ended());
  LongModel().RunAll();
}

TEST_F(SchedulerTest, AShortPromptPassesALongOneThatNeverStops) {
  Begin({.step_tokens = 32, .max_sequences = 4});
  const auto long_prompt = LongModel().Add(LongModel().Asking(SomeIds(1000, 1), 1));
  LongModel().scheduler().RunStep();
  const auto short_prompt = LongModel().Add(LongModel().Asking(SomeIds(40, 2), 1));
  int64_t done = long_prompt->progress().back().num_done;
  while (!short_prompt->has_ended()) {
    LongModel().scheduler().RunStep();
    EXPECT_GT(long_prompt->progress().back().num_done, done);
    done = long_prompt->progress().back().num_done;
  }
  EXPECT_FALSE(long_prompt->has_ended());
  LongModel().RunAll();
}

TEST_F(SchedulerTest, TheMoreUrgentIsServedFirst) {
  Begin({.step_tokens = 32, .max_sequences = 1});
  std::vector<int64_t> order;
  std::vector<std::shared_ptr<CollectingListener>> heard;
  for (int64_t priority = 0; priority < 3; ++priority) {
    EngineRequest request = LongModel().Asking(SomeIds(30, priority), 3);
    request.priority = priority;
    heard.push_back(LongModel().Add(request));
  }
  while (LongModel().scheduler().has_work()) {
    LongModel().scheduler().RunStep();
    for (int64_t i = 0; i < 3; ++i) {
      const bool is_new = std::find(order.begin(), order.end(), i) == order.end();
      if (is_new && heard[static_cast<size_t>(i)]->has_ended()) order.push_back(i);
    }
  }
  EXPECT_THAT(order, ElementsAre(2, 1, 0));
}

TEST_F(SchedulerTest, TheLeastUrgentIsNotStarved) {
  Begin({.step_tokens = 32, .max_sequences = 1});
  const auto ask = [](int64_t seed, int64_t priority) {
    EngineRequest request = LongModel().Asking(SomeIds(30, seed), 3);
    request.priority = priority;
    return LongModel().Add(request);
  };
  ask(0, 5);
  LongModel().scheduler().RunStep();
  const auto patient = ask(1, -5);
  // There is always somebody more urgent.
  for (int64_t i = 0; i < 100 && !patient->has_ended(); ++i) {
    ask(i + 2, 5);
    for (int step = 0; step < 3; ++step) LongModel().scheduler().RunStep();
  }
  EXPECT_TRUE(patient->has_ended());
  LongModel().RunAll();
}

TEST_F(SchedulerTest, WhereMemoryIsOutTheLastToComeIsComputedAgain) {
  // At the beginning two fit, in the end one.
  Begin({.kv_budget_bytes = 560 << 10, .step_target_s = 1000});
  std::vector<EngineRequest> requests;
  std::vector<std::shared_ptr<CollectingListener>> heard;
  for (int64_t i = 0; i < 3; ++i) {
    requests.push_back(LongModel().Asking(SomeIds(40, i), 400));
    heard.push_back(LongModel().Add(requests.back()));
  }
  while (Stats().num_preemptions == 0) LongModel().scheduler().RunStep();
  LongModel().RunAll();
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(IsSame(heard[i]->answers.at(0), LongModel().Alone(requests[i])));
    EXPECT_EQ(heard[i]->num_faults, 0);
  }
}

TEST_F(SchedulerTest, ACancelInEachStateGivesThePagesBackAndChangesNobodyElse) {
  Begin({.step_tokens = 32, .max_sequences = 2, .keeps_prefixes = false});
  const EngineRequest other = LongModel().Asking(SomeIds(50, 1), 40);
  const EngineRequest victim = LongModel().Asking(SomeIds(100, 2), 40);
  for (const int num_steps : {0, 1, 2, 8}) {  // queued, in prefill, in decode
    const auto kept = LongModel().Add(other);
    const auto heard = LongModel().Add(victim);
    const RequestId id = LongModel().last_id();
    for (int i = 0; i < num_steps; ++i) LongModel().scheduler().RunStep();
    LongModel().scheduler().Cancel(id);
    LongModel().scheduler().Cancel(id);
    EXPECT_EQ(heard->answers.at(0).reason, FinishReason::kCancelled);
    EXPECT_TRUE(heard->usage);
    LongModel().RunAll();
    EXPECT_TRUE(IsSame(kept->answers.at(0), LongModel().Alone(other)));
    EXPECT_EQ(heard->num_faults, 0);
    EXPECT_EQ(Stats().kv_bytes, 0);
  }
  EXPECT_EQ(Stats().num_cancelled_requests, 4);
}

TEST_F(SchedulerTest, WhatIsNotDoneInTimeFails) {
  EngineRequest request = LongModel().Asking(SomeIds(50, 1), 40);
  request.deadline = std::chrono::steady_clock::now();
  const auto heard = LongModel().Run(request);
  ASSERT_TRUE(heard->failure);
  EXPECT_EQ(heard->failure->first, RequestFailure::kDeadline);
  EXPECT_EQ(heard->num_faults, 0);
  EXPECT_EQ(Stats().kv_bytes, 0);
}

TEST_F(SchedulerTest, ASequenceIsAsLongAsTheBudgetHolds) {
  Begin({.kv_budget_bytes = 400 << 10});
  const int64_t most = LongModel().scheduler().max_context();
  EXPECT_GT(most, 64);
  EXPECT_LT(most, 4096);
  EngineRequest request = LongModel().Asking(SomeIds(most - 5, 1), 100);
  const auto heard = LongModel().Run(request);
  EXPECT_TRUE(IsSame(heard->answers.at(0), LongModel().Alone(request)));
  EXPECT_EQ(heard->answers.at(0).ids.size(), 6);
  EXPECT_EQ(heard->answers.at(0).reason, FinishReason::kLength);
  request.text.tokens.prompt_ids = SomeIds(most + 1, 1);
  try {
    LongModel().Add(request);
    FAIL();
  } catch (const PromptTooLong& error) {
    EXPECT_EQ(std::string(error.what()), "prompt: expected at most " + std::to_string(most) +
                                             " tokens, what the context holds, found " +
                                             std::to_string(most + 1));
  }
}

}  // namespace
}  // namespace trinity
