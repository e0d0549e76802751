#include "generate/text_generation.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "tests/generate/pico_model.h"

namespace trinity {
namespace {

TextGenerationRequest StoryRequest() {
  TextGenerationRequest request;
  request.tokens.prompt_ids = Pico().Prompt("Tell me a short story.");
  request.tokens.max_tokens = 40;
  request.tokens.stop_ids = {1, 3};
  request.tokens.num_tokens = Pico().tokenizer.num_tokens();
  return request;
}

struct Streamed {
  TextGenerationResult result;
  std::string text;
};

Streamed RunRequest(const TextGenerationRequest& request) {
  PicoModel& pico = Pico();
  Session session(*pico.model, pico.pools);
  Streamed streamed;
  streamed.result = GenerateText(
      session, pico.tokenizer, request, [&](std::string_view text) { streamed.text += text; },
      CancelToken());
  EXPECT_EQ(streamed.text, streamed.result.text);
  return streamed;
}

TEST(TextGeneration, IsTheTextOfTheTokens) {
  const Streamed streamed = RunRequest(StoryRequest());
  EXPECT_EQ(streamed.text, Pico().Text(streamed.result.tokens.token_ids));
  EXPECT_FALSE(streamed.result.stop_string);
  EXPECT_GT(streamed.text.size(), 20);
}

TEST(TextGeneration, EndsBeforeAStopStringWhereverItsTokensEnd) {
  const std::string whole = RunRequest(StoryRequest()).text;
  for (const size_t size : {1, 3, 8}) {
    for (size_t first = 0; first + size <= std::min<size_t>(whole.size(), 30); ++first) {
      TextGenerationRequest request = StoryRequest();
      const std::string stop = whole.substr(first, size);
      request.stop_strings = {"never there", stop};
      const Streamed streamed = RunRequest(request);
      EXPECT_EQ(streamed.text, whole.substr(0, whole.find(stop)));
      EXPECT_EQ(streamed.result.stop_string, stop);
      EXPECT_EQ(streamed.result.tokens.finish_reason, FinishReason::kStop);
      EXPECT_NE(Pico().Text(streamed.result.tokens.token_ids).find(stop), std::string::npos);
    }
  }
}

TEST(TextGeneration, CountsTheTokensThatBeginBeforeTheStopString) {
  const Streamed whole = RunRequest(StoryRequest());
  const std::vector<int32_t>& ids = whole.result.tokens.token_ids;
  EXPECT_EQ(whole.result.num_tokens_in_text, static_cast<int64_t>(ids.size()));
  for (size_t first = 0; first < std::min<size_t>(whole.text.size(), 30); ++first) {
    TextGenerationRequest request = StoryRequest();
    request.stop_strings = {whole.text.substr(first, 6)};
    const TextGenerationResult result = RunRequest(request).result;
    const auto shown = static_cast<size_t>(result.num_tokens_in_text);
    const auto text_of = [&](size_t count) {
      return Pico().Text({ids.begin(), ids.begin() + static_cast<int64_t>(count)});
    };
    EXPECT_GE(text_of(shown).size(), result.text.size());
    if (shown > 0) {
      EXPECT_LT(text_of(shown - 1).size(), result.text.size());
    }
  }
}

TEST(TextGeneration, WhatWasHeldBackComesAtTheEnd) {
  const std::string whole = RunRequest(StoryRequest()).text;
  TextGenerationRequest request = StoryRequest();
  request.stop_strings = {whole.substr(whole.size() - 5) + "\n\n\nnever"};
  const Streamed streamed = RunRequest(request);
  EXPECT_EQ(streamed.text, whole);
  EXPECT_FALSE(streamed.result.stop_string);
}

TEST(TextGeneration, StopStringsAreNotLookedForInTheFirstMinTokens) {
  const Streamed whole = RunRequest(StoryRequest());
  const std::string first = Pico().Text({whole.result.tokens.token_ids.at(0)});
  TextGenerationRequest request = StoryRequest();
  request.stop_strings = {first};
  EXPECT_EQ(RunRequest(request).text, "");
  request.tokens.sampling.min_tokens = 3;
  EXPECT_GE(RunRequest(request).result.tokens.token_ids.size(), 3);
}

TEST(TextGeneration, BadStopStringsAreRefusedBeforeAnythingIsComputed) {
  Session session(*Pico().model, Pico().pools);
  TextGenerationRequest request = StoryRequest();
  request.stop_strings = {""};
  EXPECT_THROW(GenerateText(
                   session, Pico().tokenizer, request, [](std::string_view) {}, CancelToken()),
               Error);
  EXPECT_EQ(session.length(), 0);
}

}  // namespace
}  // namespace trinity
