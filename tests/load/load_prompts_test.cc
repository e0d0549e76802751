#include "load/load_prompts.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace trinity {
namespace {

LoadRunOptions Options(int64_t prompt_tokens, int64_t shared_prefix) {
  LoadRunOptions options;
  options.prompt_tokens = prompt_tokens;
  options.shared_prefix = shared_prefix;
  return options;
}

const std::vector<int32_t> kIds = {10, 11, 12, 13, 14, 15, 16, 17, 18, 19};

std::vector<int32_t> Prompt(const LoadRunOptions& options, int64_t index) {
  return LoadPrompts(options, kIds, 1).BodyOf(index, "m")["prompt"];
}

int64_t NumWords(const Json& text) {
  const std::string words = text;
  return words.empty() ? 0 : std::count(words.begin(), words.end(), ' ') + 1;
}

TEST(LoadPrompts, AreAsLongAsAskedAndShareABeginning) {
  const LoadRunOptions options = Options(50, 30);
  const std::vector<int32_t> first = Prompt(options, 0);
  const std::vector<int32_t> second = Prompt(options, 1);
  ASSERT_EQ(first.size(), 50);
  ASSERT_EQ(second.size(), 50);
  const auto [end, unused] = std::mismatch(first.begin(), first.end(), second.begin());
  EXPECT_GE(end - first.begin(), 30);
  EXPECT_LT(end - first.begin(), 35);
}

TEST(LoadPrompts, AreThoseOfTheSeed) {
  LoadRunOptions options = Options(50, 30);
  const std::vector<int32_t> prompt = Prompt(options, 3);
  EXPECT_EQ(Prompt(options, 3), prompt);
  options.seed = 1;
  EXPECT_NE(Prompt(options, 3), prompt);
}

TEST(LoadPrompts, AreTextWhereTheServerHasNoTokenizer) {
  const LoadRunOptions options = Options(50, 30);
  const LoadPrompts prompts(options, {}, 1);
  EXPECT_FALSE(prompts.are_ids());
  EXPECT_EQ(NumWords(prompts.BodyOf(0, "m")["prompt"]), 50);
}

TEST(LoadPrompts, OfChatsHaveTheSharedPartAsSystemMessage) {
  LoadRunOptions options = Options(60, 40);
  options.is_chat = true;
  const LoadPrompts prompts(options, kIds, 2);  // two tokens a word
  EXPECT_FALSE(prompts.are_ids());
  const Json first = prompts.BodyOf(0, "m")["messages"];
  const Json second = prompts.BodyOf(1, "m")["messages"];
  EXPECT_EQ(first[0]["role"], "system");
  EXPECT_EQ(NumWords(first[0]["content"]), 20);
  EXPECT_EQ(first[0], second[0]);
  EXPECT_EQ(first[1]["role"], "user");
  EXPECT_EQ(NumWords(first[1]["content"]), 10);
  EXPECT_NE(first[1], second[1]);
}

TEST(LoadPrompts, AskForWholeAnswersUnlessTheyMayEnd) {
  LoadRunOptions options = Options(4, 0);
  options.max_tokens = 7;
  Json body = LoadPrompts(options, kIds, 1).BodyOf(0, "m");
  EXPECT_EQ(body["model"], "m");
  EXPECT_EQ(body["max_tokens"], 7);
  EXPECT_EQ(body["temperature"], 0);
  EXPECT_EQ(body["ignore_eos"], true);
  EXPECT_FALSE(body.contains("logprobs"));
  options.may_end_early = true;
  options.checks = true;
  body = LoadPrompts(options, kIds, 1).BodyOf(0, "m");
  EXPECT_FALSE(body.contains("ignore_eos"));
  EXPECT_EQ(body["logprobs"], 1);
}

}  // namespace
}  // namespace trinity
