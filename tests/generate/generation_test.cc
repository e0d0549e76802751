#include "generate/generation.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "generate/generator.h"
#include "tests/generate/pico_model.h"

namespace trinity {
namespace {

// Without stop ids: it goes on over the end of the answer.
GenerationRequest StoryRequest(int64_t max_tokens = 24) {
  GenerationRequest request;
  request.prompt_ids = Pico().Prompt("Tell me a short story.");
  request.max_tokens = max_tokens;
  request.num_tokens = Pico().tokenizer.num_tokens();
  return request;
}

GenerationRequest SampledStory() {
  GenerationRequest request = StoryRequest();
  request.sampling.temperature = 1.5;
  request.sampling.seed = 42;
  request.sampling.top_k = 100;
  request.sampling.repetition_penalty = 1.1;
  return request;
}

GenerationResult RunRequest(const GenerationRequest& request, int num_threads = 1,
                            const SessionOptions& options = {}) {
  PicoModel& pico = Pico(num_threads);
  Session session(*pico.model, pico.pools, options);
  return Generate(
      session, request, [](int32_t) {}, CancelToken());
}

TEST(Generation, TheSameSeedGivesTheSameTextForAnyChunkAndThreads) {
  const std::vector<int32_t> ids = RunRequest(SampledStory()).token_ids;
  EXPECT_EQ(ids.size(), 24);
  for (const int num_threads : {1, 3}) {
    for (const int64_t prefill_chunk : {1, 5, 512}) {
      EXPECT_EQ(RunRequest(SampledStory(), num_threads, {.prefill_chunk = prefill_chunk}).token_ids,
                ids);
    }
  }
  GenerationRequest other = SampledStory();
  other.sampling.seed = 43;
  EXPECT_NE(RunRequest(other).token_ids, ids);
}

TEST(Generation, StopsAtMaxTokens) {
  for (const int64_t max_tokens : {0, 1, 5}) {
    const GenerationResult result = RunRequest(StoryRequest(max_tokens));
    EXPECT_EQ(result.token_ids.size(), max_tokens);
    EXPECT_EQ(result.finish_reason, FinishReason::kLength);
    EXPECT_EQ(result.num_decode_steps, std::max<int64_t>(0, max_tokens - 1));
  }
}

TEST(Generation, StopsWhereTheContextIsFull) {
  GenerationRequest request = StoryRequest();
  const auto prompt_size = static_cast<int64_t>(request.prompt_ids.size());
  request.max_tokens.reset();
  const GenerationResult result = RunRequest(request, 1, {.max_context = prompt_size + 4});
  EXPECT_EQ(result.finish_reason, FinishReason::kLength);
  EXPECT_EQ(result.token_ids.size(), 5);  // the last one needs no room any more
}

TEST(Generation, EndsAtAStopIdThatIsNotPartOfIt) {
  GenerationRequest request = StoryRequest();
  const std::vector<int32_t> ids = RunRequest(request).token_ids;
  request.stop_ids = {ids.at(4)};
  const GenerationResult result = RunRequest(request);
  EXPECT_EQ(result.finish_reason, FinishReason::kStop);
  const auto first = std::find(ids.begin(), ids.end(), ids[4]);
  EXPECT_EQ(result.token_ids, std::vector<int32_t>(ids.begin(), first));
}

TEST(Generation, MinTokensHoldsBackTheStopIds) {
  GenerationRequest request = StoryRequest();
  request.stop_ids = {RunRequest(request).token_ids.at(0)};
  EXPECT_EQ(RunRequest(request).token_ids.size(), 0);
  request.sampling.min_tokens = 3;
  EXPECT_GE(RunRequest(request).token_ids.size(), 3);
}

TEST(Generation, ACancelledOneLeavesAUsableSession) {
  PicoModel& pico = Pico();
  Session session(*pico.model, pico.pools);
  CancelToken cancel;
  const GenerationRequest request = StoryRequest();
  int num_tokens = 0;
  const GenerationResult result = Generate(
      session, request,
      [&](int32_t) {
        if (++num_tokens == 4) cancel.Cancel();
      },
      cancel);
  EXPECT_EQ(result.finish_reason, FinishReason::kCancelled);
  EXPECT_EQ(result.token_ids.size(), 4);
  // Goes on with what was picked but not computed.
  GenerationRequest rest = request;
  const auto num_computed = static_cast<size_t>(session.length()) - request.prompt_ids.size();
  rest.prompt_ids.assign(result.token_ids.begin() + static_cast<ptrdiff_t>(num_computed),
                         result.token_ids.end());
  rest.max_tokens = 6;
  if (rest.prompt_ids.empty()) rest.prompt_ids = {result.token_ids.back()};
  const std::vector<int32_t> whole = RunRequest(request).token_ids;
  EXPECT_EQ(Generate(
                session, rest, [](int32_t) {}, CancelToken())
                .token_ids,
            std::vector<int32_t>(whole.begin() + 4, whole.begin() + 10));
}

TEST(Generation, TokenByTokenIsTheSameAsAtOnce) {
  PicoModel& pico = Pico();
  Session session(*pico.model, pico.pools);
  Generation generation(session, SampledStory());
  std::vector<int32_t> ids;
  while (const std::optional<int32_t> id = generation.Next(CancelToken())) ids.push_back(*id);
  EXPECT_EQ(generation.Next(CancelToken()), std::nullopt);
  EXPECT_EQ(ids, RunRequest(SampledStory()).token_ids);
  EXPECT_EQ(generation.result().token_ids, ids);
}

TEST(Generation, ReportsLogprobsOfWhatWasPicked) {
  GenerationRequest request = StoryRequest(6);
  request.num_logprobs = 3;
  const GenerationResult result = RunRequest(request);
  ASSERT_EQ(result.logprobs.size(), result.token_ids.size());
  for (size_t i = 0; i < result.token_ids.size(); ++i) {
    const TokenLogprobs& logprobs = result.logprobs[i];
    EXPECT_EQ(logprobs.picked.id, result.token_ids[i]);
    ASSERT_EQ(logprobs.top.size(), 3);
    EXPECT_EQ(logprobs.top[0].id, result.token_ids[i]);
    EXPECT_EQ(logprobs.top[0].logprob, logprobs.picked.logprob);
  }
  EXPECT_TRUE(RunRequest(StoryRequest(6)).logprobs.empty());
}

TEST(Generation, PenaltiesSeeWhatTheSessionAlreadyHolds) {
  PicoModel& pico = Pico();
  GenerationRequest request = StoryRequest(12);
  const int32_t first = RunRequest(request).token_ids.at(0);
  request.sampling.presence_penalty = 100;
  request.sampling.counted_tokens = CountedTokens::kPromptAndOutput;
  Session session(*pico.model, pico.pools);
  session.Append(std::vector<int32_t>{first}, CancelToken());
  const GenerationResult result = Generate(
      session, request, [](int32_t) {}, CancelToken());
  EXPECT_THAT(result.token_ids, testing::Not(testing::Contains(first)));
}

TEST(Generation, BadValuesAreRefusedBeforeAnythingIsComputed) {
  Session session(*Pico().model, Pico().pools);
  GenerationRequest request = StoryRequest();
  request.sampling.top_p = 2;
  EXPECT_THROW(Generation(session, request), Error);
  request = StoryRequest(-1);
  EXPECT_THROW(Generation(session, request), Error);
  request = StoryRequest();
  request.num_logprobs = -1;
  EXPECT_THROW(Generation(session, request), Error);
  EXPECT_EQ(session.length(), 0);
}

}  // namespace
}  // namespace trinity
