#include "load/load_report.h"

#include <gmock/gmock.h>

namespace trinity {
namespace {

RequestOutcome Answer(int64_t prompt_index, uint64_t digest) {
  RequestOutcome outcome;
  outcome.prompt_index = prompt_index;
  outcome.start_s = 1;
  outcome.text_times_s = {1.5, 2, 3};
  outcome.end_s = 3.25;
  outcome.digest = digest;
  outcome.has_logprobs = true;
  outcome.num_prompt_tokens = 10;
  outcome.num_cached_tokens = 8;
  outcome.num_answer_tokens = 4;
  return outcome;
}

RequestOutcome Failed(const std::string& kind, const std::string& message) {
  RequestOutcome outcome;
  outcome.failure = LoadFailure(kind, message);
  return outcome;
}

TEST(LoadReport, MeasuresFromSendingToTheEnd) {
  LoadResult result;
  result.wall_s = 4;
  result.outcomes = {Answer(0, 1)};
  const LoadReport report = ReportOn(result);
  EXPECT_EQ(report.first_token_s.p50, 0.5);
  EXPECT_EQ(report.between_tokens_s.count, 2);
  EXPECT_EQ(report.between_tokens_s.max, 1);
  EXPECT_EQ(report.whole_s.p50, 2.25);
  EXPECT_EQ(report.tokens_per_s.p50, 2);  // three more tokens in 1.5 seconds
  EXPECT_EQ(report.answer_tokens_per_s(), 1);
  EXPECT_EQ(report.prompt_tokens_per_s(), 2.5);
  EXPECT_EQ(report.num_cached_tokens, 8);
  EXPECT_TRUE(report.usage_is_known);
}

TEST(LoadReport, CountsEventsWhereTheServerCountsNoTokens) {
  LoadResult result;
  result.outcomes = {Answer(0, 1)};
  result.outcomes[0].num_answer_tokens.reset();
  const LoadReport report = ReportOn(result);
  EXPECT_FALSE(report.usage_is_known);
  EXPECT_EQ(report.num_answer_tokens, 3);
}

TEST(LoadReport, CountsFailuresByKindAndLeavesThemOutOfTimes) {
  LoadResult result;
  result.outcomes = {Failed("timeout", "a"), Answer(0, 1), Failed("HTTP 429", "b"),
                     Failed("timeout", "c")};
  const LoadReport report = ReportOn(result);
  EXPECT_EQ(report.num_requests, 4);
  EXPECT_EQ(report.num_succeeded, 1);
  EXPECT_EQ(report.failures.at("timeout").count, 2);
  EXPECT_EQ(report.failures.at("timeout").example, "a");
  EXPECT_EQ(report.failures.at("HTTP 429").count, 1);
  EXPECT_EQ(report.whole_s.count, 1);
}

TEST(LoadReport, ComparesAnswersToTheSamePrompt) {
  LoadResult result;
  result.outcomes = {Answer(0, 1), Answer(1, 2), Answer(0, 1), Answer(1, 3)};
  const LoadReport report = ReportOn(result);
  EXPECT_EQ(report.num_compared, 2);
  EXPECT_EQ(report.num_wrong, 1);
  EXPECT_TRUE(report.compares_logprobs);
}

TEST(LoadReport, ComparesWithWhatWasAnsweredAlone) {
  LoadResult result;
  result.alone = {Answer(0, 1), Answer(1, 2)};
  result.outcomes = {Answer(0, 7), Answer(1, 2), Answer(0, 7)};
  result.outcomes[1].has_logprobs = false;
  const LoadReport report = ReportOn(result);
  EXPECT_EQ(report.num_requests, 3);
  EXPECT_EQ(report.num_compared, 3);
  EXPECT_EQ(report.num_wrong, 2);
  EXPECT_FALSE(report.compares_logprobs);
}

}  // namespace
}  // namespace trinity
