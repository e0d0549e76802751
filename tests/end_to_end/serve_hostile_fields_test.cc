#include <fmt/format.h>
#include <gmock/gmock.h>

#include <functional>
#include <optional>

#include "tests/end_to_end/served_pico.h"

// Fields of requests that are well-formed JSON, or nearly so, and no more: each is refused by name
// or harmless, and the next request has the same answer.

namespace trinity {
namespace {

using testing::HasSubstr;

constexpr const char* kHuge = "9223372036854775808";  // 2^63

class ServeHostileFields : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new ServedPico({});
    reference_ = Answer(Json::object());
  }
  static void TearDownTestSuite() { delete server_; }
  void TearDown() override { EXPECT_EQ(Answer(Json::object()), reference_); }

  static Json Answer(const Json& more) {
    Json body = {{"messages", Messages("What is a violin?")},
                 {"max_tokens", 8},
                 {"temperature", 0},
                 {"logprobs", true}};
    body.update(more);
    return Ok(Post("/v1/chat/completions", body.dump()))["choices"];
  }

  static RawHttpResponse Post(const std::string& path, const std::string& body) {
    return Exchange(server_->port(), RawHttpClient::Post(path, body));
  }
  static RawHttpResponse PostChat(const std::string& fields) {
    return Post(
        "/v1/chat/completions",
        fmt::format(R"({{"messages": [{{"role": "user", "content": "Hi"}}], {}}})", fields));
  }
  static RawHttpResponse PostMessages(const std::string& messages) {
    return Post("/v1/chat/completions",
                fmt::format(R"({{"max_tokens": 2, "messages": {}}})", messages));
  }
  static RawHttpResponse PostText(const std::string& fields) {
    return Post("/v1/completions", fmt::format("{{{}}}", fields));
  }

  static Json Ok(const RawHttpResponse& response) {
    EXPECT_EQ(response.status, 200) << response.body;
    return Json::parse(response.body);
  }
  // `field`: absent where the body is no JSON.
  static void ExpectRefused(const RawHttpResponse& response, const std::string& sent,
                            const std::optional<std::string>& field) {
    ASSERT_EQ(response.status, 400) << sent.substr(0, 200) << response.body;
    const Json error = Json::parse(response.body)["error"];
    EXPECT_EQ(error["type"], "invalid_request_error");
    if (!field) return;
    EXPECT_EQ(error["param"], *field) << sent.substr(0, 200) << error;
    EXPECT_THAT(error["message"].get<std::string>(), HasSubstr(*field));
  }

  static inline ServedPico* server_ = nullptr;
  static inline Json reference_;
};

std::string Quoted(int count, const std::function<std::string(int)>& text) {
  std::string list;
  for (int i = 0; i < count; ++i) list += fmt::format("{}\"{}\"", i > 0 ? "," : "", text(i));
  return list;
}

TEST_F(ServeHostileFields, NumbersThatJsonDoesNotHaveAreRefused) {
  for (const std::string number : {"NaN", "Infinity", "-Infinity", "1e999", "-1e999", "0x10"}) {
    for (const std::string field : {"temperature", "top_p", "seed", "max_completion_tokens"}) {
      const std::string fields = fmt::format("\"{}\": {}", field, number);
      ExpectRefused(PostChat(fields), fields, {});
    }
  }
  ExpectRefused(PostChat(R"("logit_bias": {"5": -1e999})"), "-inf", {});
}

TEST_F(ServeHostileFields, NumbersBeyondTheirBoundsAreRefusedByName) {
  const std::vector<std::pair<std::string, std::string>> chats = {
      {"temperature", "-0.1"},
      {"temperature", "1e308"},
      {"temperature", "-1e308"},
      {"top_k", "-2"},
      {"top_k", "-9223372036854775808"},
      {"n", kHuge},
      {"n", "0"},
      {"n", "-1"},
      {"n", "100000"},
      {"max_tokens", "0"},
      {"max_tokens", "-1"},
      {"max_tokens", kHuge},
      {"max_completion_tokens", kHuge},
      {"min_tokens", "-1"},
      {"min_tokens", kHuge},
      {"top_logprobs", std::string(kHuge) + ", \"logprobs\": true"},
      {"top_logprobs", "-1, \"logprobs\": true"},
      {"prompt_logprobs", kHuge},
      {"priority", kHuge},
      {"seed", "1e30"},
      {"seed", "0.5"}};
  for (const auto& [field, value] : chats) {
    const std::string fields = fmt::format("\"{}\": {}", field, value);
    ExpectRefused(PostChat(fields), fields, field);
  }
  for (const std::string field : {"n", "best_of", "logprobs", "max_tokens", "prompt_logprobs"}) {
    const std::string fields = fmt::format(R"("prompt": "Hi", "{}": {})", field, kHuge);
    ExpectRefused(PostText(fields), fields, field);
  }
}

TEST_F(ServeHostileFields, StopStringsAreLimited) {
  const std::string many = Quoted(100'000, [](int i) { return fmt::format("s{}", i); });
  for (const std::string& stop :
       {"[" + many + "]", std::string("\"\""), std::string("[\"\"]"), std::string("[\"a\", \"\"]"),
        std::string("[null]"), "[\"" + std::string(100'000, 'x') + "\"]"}) {
    ExpectRefused(PostChat("\"stop\": " + stop), stop, "stop");
  }
  Ok(PostChat(fmt::format(R"("max_tokens": 2, "stop": [{}])",
                          Quoted(64, [](int i) { return fmt::format("s{}", i); }))));
}

// From the middle of one token to that of another.
TEST_F(ServeHostileFields, AStopThatCrossesTokensEndsTheAnswer) {
  const Json whole = reference_[0];
  const Json& tokens = whole["logprobs"]["content"];
  std::vector<std::string> texts;
  for (const Json& token : tokens) texts.push_back(token["token"]);
  size_t first = 1;
  while (texts[first].size() < 2 || texts[first + 1].size() < 2) ++first;
  const std::string stop = texts[first].substr(1) + texts[first + 1].substr(0, 1);
  std::string before;
  for (size_t i = 0; i < first; ++i) before += texts[i];
  const Json choice = Answer({{"stop", stop}})[0];
  EXPECT_EQ(choice["message"]["content"], before + texts[first].substr(0, 1)) << stop;
  EXPECT_EQ(choice["finish_reason"], "stop");
  EXPECT_EQ(choice["stop_reason"], stop);
}

TEST_F(ServeHostileFields, BiasesOfNoTokenAreRefused) {
  for (const std::string id :
       {"-1", "4064", "4095", "4096", "99999999999999999999", "1.5", "a", "", " 5", "0x5"}) {
    const std::string fields = fmt::format(R"("logit_bias": {{"{}": 1}})", id);
    ExpectRefused(PostChat(fields), fields, "logit_bias");
  }
  for (const std::string value : {"101", "-101", "\"1\"", "null", "1e308"}) {
    const std::string fields = fmt::format(R"("logit_bias": {{"5": {}}})", value);
    ExpectRefused(PostChat(fields), fields, "logit_bias");
  }
}

TEST_F(ServeHostileFields, ABiasAgainstAllTokensIsOneAgainstNone) {
  Json biases = Json::object();
  for (int id = 0; id < 4064; ++id) biases[std::to_string(id)] = -100;
  EXPECT_EQ(Answer({{"logit_bias", biases}})[0]["message"], reference_[0]["message"]);
}

// 4064 to 4095 fill the matrix up and are tokens of no text.
TEST_F(ServeHostileFields, IdsOfNoTokenAreRefused) {
  for (const std::string id : {"-1", "4064", "4095", "4096", kHuge}) {
    ExpectRefused(PostText(fmt::format(R"("prompt": [0, {}])", id)), id, "prompt");
    ExpectRefused(PostText(fmt::format(R"("prompt": [[0], [{}]])", id)), id, "prompt");
    const std::string stops = fmt::format("\"stop_token_ids\": [{}]", id);
    ExpectRefused(PostChat(stops), stops, "stop_token_ids");
  }
}

TEST_F(ServeHostileFields, EmptyPromptsAreNoPromptsAndEmptyTextsAreTexts) {
  for (const std::string prompt : {"[]", "[[]]", "[[0], []]", "null", "[null]", "{}", "true"}) {
    ExpectRefused(PostText("\"prompt\": " + prompt), prompt, "prompt");
  }
  for (const std::string prompt : {"\"\"", "[\"\"]", "\"\\u0000\""}) {
    Ok(PostText("\"max_tokens\": 1, \"prompt\": " + prompt));
  }
}

TEST_F(ServeHostileFields, MessagesThatAreNoneAreRefused) {
  for (const std::string messages :
       {"[]", "null", "{}", "[null]", "[[]]", "[{}]", R"([{"content": "a"}])",
        R"([{"role": "user"}])", R"([{"role": null, "content": "a"}])",
        R"([{"role": "wizard", "content": "a"}])", R"([{"role": "user", "content": null}])",
        R"([{"role": "system", "content": null}])", R"([{"role": "user", "content": 5}])",
        R"([{"role": "user", "content": {"type": "text", "text": "a"}}])",
        R"([{"role": "user", "content": [null]}])",
        R"([{"role": "user", "content": [{"type": "text"}]}])",
        R"([{"role": "user", "content": [{"type": "text", "text": null}]}])",
        R"([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "a"}}]}])"}) {
    ExpectRefused(PostMessages(messages), messages, "messages");
  }
}

TEST_F(ServeHostileFields, ContentMayBeEmptyOrHoldAnyCharacter) {
  for (const std::string messages :
       {R"([{"role": "user", "content": ""}])", R"([{"role": "user", "content": []}])",
        R"([{"role": "user", "content": "\u0000"}])",
        R"([{"role": "user", "content": "\u001b[2J\ufffe\ud83d\ude00"}])"}) {
    Ok(PostMessages(messages));
  }
  const std::string tokens = Post("/tokenize", R"({"content": "a\u0000b"})").body;
  const Json text =
      Ok(Post("/detokenize", Json({{"tokens", Json::parse(tokens)["tokens"]}}).dump()));
  EXPECT_EQ(text["content"], std::string("a\0b", 3));
}

TEST_F(ServeHostileFields, CallsOfToolsInTheHistoryAreRefusedAndNoneOfThemAreNone) {
  const std::string user = R"({"role": "user", "content": "a"})";
  for (const std::string arguments : {"null", "\"no json\"", "\"{\\\"a\\\": 1}\"", "{}"}) {
    for (const std::string content : {"null", "\"\""}) {
      const std::string call = fmt::format(
          R"([{}, {{"role": "assistant", "content": {}, "tool_calls": [{{"id": "1", "type":)"
          R"( "function", "function": {{"name": "f", "arguments": {}}}}}]}}])",
          user, content, arguments);
      ExpectRefused(PostMessages(call), call, "messages");
    }
  }
  const std::string answer =
      fmt::format(R"([{}, {{"role": "tool", "content": "b", "tool_call_id": "1"}}])", user);
  ExpectRefused(PostMessages(answer), answer, "messages");
  for (const std::string calls : {"null", "[]"}) {
    Ok(PostMessages(
        fmt::format(R"([{}, {{"role": "assistant", "content": null, "tool_calls": {}}}, {}])", user,
                    calls, user)));
  }
}

TEST_F(ServeHostileFields, ToolsAreRefusedByNameAndNoneOfThemAreNone) {
  const std::string tool =
      R"({"type": "function", "function": {"name": "f", "description": null}})";
  const std::string both = fmt::format("\"tools\": [{}, {}]", tool, tool);
  ExpectRefused(PostChat(both), both, "tools");
  ExpectRefused(PostChat("\"tools\": [" + tool + "]"), tool, "tools");
  for (const std::string choice :
       {R"({"type": "function", "function": {"name": "missing"}})", "\"required\"", "5"}) {
    ExpectRefused(PostChat("\"tool_choice\": " + choice), choice, "tool_choice");
  }
  for (const std::string fields :
       {R"("tools": null, "tool_choice": null)", R"("tools": [], "tool_choice": "none")",
        R"("tools": [], "tool_choice": "auto")"}) {
    Ok(PostChat("\"max_tokens\": 2, " + fields));
  }
}

TEST_F(ServeHostileFields, FieldsThatAreNullAreAbsent) {
  Json nulls = Json::object();
  for (const char* field : {"n", "seed", "stop", "top_p", "top_k", "logit_bias", "stream",
                            "stream_options", "max_completion_tokens", "response_format", "user"}) {
    nulls[field] = nullptr;
  }
  EXPECT_EQ(Answer(nulls), reference_);
}

TEST_F(ServeHostileFields, DeepNestingIsRefused) {
  const std::string deep = std::string(3000, '[') + std::string(3000, ']');
  ExpectRefused(PostMessages(deep), deep, {});
  ExpectRefused(PostText("\"prompt\": " + deep), deep, {});
  ExpectRefused(PostChat("\"metadata\": " + deep), deep, {});
}

}  // namespace
}  // namespace trinity
