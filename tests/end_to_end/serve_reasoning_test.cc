#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/end_to_end/served_pico.h"
#include "tests/support/paths.h"

// Answers that a model should not give, which it is made to give here.

namespace trinity {
namespace {

constexpr int kOpen = 13;   // <think>
constexpr int kClose = 14;  // </think>
constexpr int kContext = 200;

const ServedPico& Pico() {
  static const ServedPico server({"--context", std::to_string(kContext)});
  return server;
}

// The token that tokenizer.json spells so, each byte as one character.
int IdOf(const std::string& spelled) {
  static const Json vocabulary =
      Json::parse(ReadTextFile(PicoFolder() + "/tokenizer.json"))["model"]["vocab"];
  return vocabulary.at(spelled);
}

std::vector<int> IdsOf(const std::vector<std::string>& spelled) {
  std::vector<int> ids;
  for (const std::string& one : spelled) ids.push_back(IdOf(one));
  return ids;
}

// </think> in tokens that are not that of the tag.
std::vector<int> SpelledClose() { return IdsOf({"<", "/", "th", "ink", ">"}); }

std::vector<int> Joined(const std::vector<std::vector<int>>& parts) {
  std::vector<int> joined;
  for (const std::vector<int>& part : parts) joined.insert(joined.end(), part.begin(), part.end());
  return joined;
}

Json Body(bool thinks) {
  return {{"messages", Messages("Hi")}, {"temperature", 0},
          {"ignore_eos", true},         {"chat_template_kwargs", {{"enable_thinking", thinks}}},
          {"return_token_ids", true},   {"logprobs", true}};
}

// The answer is these tokens, all of them different, and ends there: each is far more likely than
// the next one, and unlikely once it has come.
Json Saying(const std::vector<int>& ids, bool thinks) {
  Json body = Body(thinks);
  Json biases = Json::object();
  const int step = 100 / static_cast<int>(ids.size());
  int bias = 100;
  for (const int id : ids) {
    biases[std::to_string(id)] = bias;
    bias -= step;
  }
  body["logit_bias"] = biases;
  body["presence_penalty"] = 100;
  body["max_tokens"] = ids.size();
  return body;
}

struct Said {
  std::string reasoning;
  std::string content;
  std::vector<int> ids;
  std::vector<int> bytes;  // of its log probabilities
  std::string finish_reason;

  bool operator==(const Said&) const = default;
};

void AddTokens(const Json& choice, Said& said) {
  for (const int id : choice["token_ids"]) said.ids.push_back(id);
  if (choice["logprobs"].is_null()) return;
  for (const Json& token : choice["logprobs"]["content"]) {
    for (const int byte : token["bytes"]) said.bytes.push_back(byte);
  }
}

Said Whole(const Json& body) {
  const RawHttpResponse response = Pico().Post("/v1/chat/completions", body);
  EXPECT_EQ(response.status, 200) << response.body;
  const Json choice = Json::parse(response.body)["choices"][0];
  Said said = {choice["message"].value("reasoning_content", ""), choice["message"]["content"]};
  AddTokens(choice, said);
  said.finish_reason = choice["finish_reason"];
  return said;
}

Said Streamed(Json body) {
  body["stream"] = true;
  const RawHttpResponse response = Pico().Post("/v1/chat/completions", body);
  EXPECT_EQ(response.status, 200) << response.body;
  Said said;
  for (const Json& event : EventsOf(response.body)) {
    const Json& choice = event["choices"][0];
    said.reasoning += choice["delta"].value("reasoning_content", "");
    said.content += choice["delta"].value("content", "");
    if (choice.contains("token_ids")) AddTokens(choice, said);
    if (!choice["finish_reason"].is_null()) said.finish_reason = choice["finish_reason"];
  }
  return said;
}

void ExpectSaid(const std::vector<int>& ids, bool thinks, const std::string& reasoning,
                const std::string& content) {
  const Json body = Saying(ids, thinks);
  const Said said = Whole(body);
  EXPECT_EQ(said.ids, ids);
  EXPECT_EQ(said.reasoning, reasoning);
  EXPECT_EQ(said.content, content);
  EXPECT_EQ(said.finish_reason, "length");
  EXPECT_EQ(Streamed(body), said);
}

TEST(ServeReasoning, WithoutItsEndAllOfTheAnswerIsReasoning) {
  const std::vector<int> ids = IdsOf({"a", "b", "Ċ", "x"});
  ExpectSaid(ids, /*thinks=*/true, "ab\nx", "");
  ExpectSaid(ids, /*thinks=*/false, "", "ab\nx");
  ExpectSaid(Joined({{kOpen}, ids}), /*thinks=*/false, "ab\nx", "");
}

TEST(ServeReasoning, TheFirstEndEndsItAndAnotherIsContent) {
  const std::vector<int> b = {IdOf("b")};
  ExpectSaid(Joined({{kClose}, b, SpelledClose()}), /*thinks=*/true, "", "b</think>");
  ExpectSaid(Joined({SpelledClose(), b, {kClose}}), /*thinks=*/true, "", "b</think>");
}

TEST(ServeReasoning, AnEndThatIsSplitOverTokensIsOne) {
  ExpectSaid(Joined({IdsOf({"a", "Ċ"}), SpelledClose(), IdsOf({"x"})}), /*thinks=*/true, "a", "x");
}

TEST(ServeReasoning, WhatOnlyBeginsLikeAnEndIsText) {
  ExpectSaid(IdsOf({"a", "<", "/", "th", "x"}), /*thinks=*/true, "a</thx", "");
  ExpectSaid(IdsOf({"a", "<", "/", "th"}), /*thinks=*/true, "a</th", "");
}

TEST(ServeReasoning, AnEndThatNothingHasBegunIsContent) {
  ExpectSaid(Joined({IdsOf({"a"}), {kClose}, IdsOf({"b"})}), /*thinks=*/false, "", "a</think>b");
}

TEST(ServeUtf8, ACharacterOfSeveralTokensIsWhole) {
  ExpectSaid(IdsOf({"â", "Ĥ", "¬", "b"}), /*thinks=*/false, "", "€b");
  ExpectSaid(IdsOf({"a", "â", "Ĥ", "¬"}), /*thinks=*/true, "a€", "");
}

TEST(ServeUtf8, BytesThatAreNoCharacterBecomeReplacementCharacters) {
  ExpectSaid(IdsOf({"a", "â", "Ĥ", "b"}), /*thinks=*/false, "",
             "a\xEF\xBF\xBD"
             "b");
  ExpectSaid(IdsOf({"¬", "a"}), /*thinks=*/false, "",
             "\xEF\xBF\xBD"
             "a");
  ExpectSaid(IdsOf({"a", "â", "Ĥ"}), /*thinks=*/false, "", "a\xEF\xBF\xBD");
  ExpectSaid(IdsOf({"â", "Ĥ"}), /*thinks=*/true, "\xEF\xBF\xBD", "");
  const Said said = Whole(Saying(IdsOf({"a", "â", "Ĥ"}), /*thinks=*/false));
  EXPECT_EQ(said.bytes, (std::vector<int>{'a', 0xE2, 0x82})) << "exact beside the text";
}

// Until the context ends, while a stop string could begin at any of its letters.
TEST(ServeRepetition, EndsWithTheContextAndIsWhole) {
  for (const bool thinks : {false, true}) {
    Json body = Body(thinks);
    body["logit_bias"] = {{std::to_string(IdOf("a")), 100}};
    body["stop"] = {std::string(50, 'a') + "b", "aab"};
    const Said said = Whole(body);
    EXPECT_EQ(said.finish_reason, "length");
    EXPECT_GT(said.ids.size(), kContext - 40);
    EXPECT_LT(said.ids.size(), kContext);
    EXPECT_EQ(thinks ? said.reasoning : said.content, std::string(said.ids.size(), 'a'));
    EXPECT_EQ(Streamed(body), said);
  }
}

TEST(ServeRepetition, OfTheEndOfReasoningIsContent) {
  Json body = Body(/*thinks=*/true);
  body["logit_bias"] = {{std::to_string(kClose), 100}};
  body["max_tokens"] = 3;
  const Said said = Whole(body);
  EXPECT_EQ(said.reasoning, "");
  EXPECT_EQ(said.content, "</think></think>");
  EXPECT_EQ(Streamed(body), said);
}

TEST(ServeRepetition, OfTheBeginningOfReasoningIsReasoning) {
  Json body = Body(/*thinks=*/false);
  body["logit_bias"] = {{std::to_string(kOpen), 100}};
  body["max_tokens"] = 3;
  const Said said = Whole(body);
  EXPECT_EQ(said.reasoning, "<think><think>");
  EXPECT_EQ(said.content, "");
  EXPECT_EQ(Streamed(body), said);
}

}  // namespace
}  // namespace trinity
