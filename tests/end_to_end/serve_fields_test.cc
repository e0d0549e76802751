#include <gmock/gmock.h>

#include "tests/end_to_end/served_pico.h"

namespace trinity {
namespace {

using testing::HasSubstr;

const ServedPico& Pico() {
  static const ServedPico server({"--max-n", "4", "--max-stops", "4", "--max-logprobs", "5"});
  return server;
}

Json ChatBody() {
  return {{"messages", Messages("What is a violin?")}, {"max_tokens", 16}, {"temperature", 1}};
}

// The error of a request that must be refused.
Json Refusal(const std::string& path, const Json& body) {
  const RawHttpResponse response = Pico().Post(path, body);
  EXPECT_EQ(response.status, 400) << body << response.body;
  return Json::parse(response.body)["error"];
}

TEST(ServeFields, FieldsThatWouldChangeTheAnswerAreRefusedByName) {
  for (const char* field : {"tools", "response_format", "guided_json", "reasoning_effort"}) {
    Json body = ChatBody();
    body[field] = {{"type", "json_object"}};
    const Json error = Refusal("/v1/chat/completions", body);
    EXPECT_EQ(error["param"], field);
    EXPECT_EQ(error["type"], "invalid_request_error");
  }
  Json harmless = ChatBody();
  harmless["tools"] = Json::array();
  harmless["response_format"] = {{"type", "text"}};
  EXPECT_EQ(Pico().Post("/v1/chat/completions", harmless).status, 200);
}

// A request to each path with a body, that has nothing but what it must have.
const Json& LeastBodies() {
  static const Json bodies = {
      {"/v1/chat/completions", {{"messages", Messages("Hi")}, {"max_tokens", 1}}},
      {"/v1/completions", {{"prompt", "a"}, {"max_tokens", 1}}},
      {"/v1/embeddings", {{"input", "a"}}},
      {"/tokenize", {{"content", "a"}}},
      {"/detokenize", {{"tokens", {300}}}},
      {"/apply-template", {{"messages", Messages("Hi")}}}};
  return bodies;
}

const Json& FieldsOf(const std::string& path) {
  static const Json api = Json::parse(Pico().Get("/openapi.json").body);
  return api.at("paths")
      .at(path)
      .at("post")
      .at("requestBody")
      .at("content")
      .at("application/json")
      .at("schema")
      .at("properties");
}

TEST(ServeFields, EveryRefusedFieldOfTheDescriptionIsRefusedByName) {
  for (const auto& [path, least] : LeastBodies().items()) {
    Json harmless = least;
    for (const auto& [name, schema] : FieldsOf(path).items()) {
      if (!schema.contains("enum")) continue;
      Json body = least;
      body[name] = {{"no", "such value"}};
      EXPECT_EQ(Refusal(path, body)["param"], name) << path;
      harmless[name] = schema["enum"][0];
    }
    EXPECT_EQ(Pico().Post(path, harmless).status, 200) << harmless;
  }
}

TEST(ServeFields, FieldsOfOtherServersAreRefusedByName) {
  const std::vector<std::string> both = {
      "dry_multiplier", "typ_p",   "repeat_last_n", "mirostat_tau",  "dynatemp_exponent",
      "min_keep",       "n_keep",  "stop_regex",    "prompt_embeds", "thinking_budget_tokens",
      "max_new_tokens", "n_probs", "id_slot",       "n_discard",     "best_of"};
  for (const std::string path : {"/v1/chat/completions", "/v1/completions"}) {
    std::vector<std::string> names = both;
    for (const char* name : {"echo", "add_special_tokens", "include_reasoning", "reasoning"}) {
      if (path == "/v1/chat/completions") names.emplace_back(name);
    }
    for (const char* name : {"max_completion_tokens", "top_logprobs", "messages"}) {
      if (path == "/v1/completions") names.emplace_back(name);
    }
    for (const std::string& name : names) {
      Json body = LeastBodies().at(path);
      body[name] = 7;
      EXPECT_EQ(Refusal(path, body)["param"], name) << path;
    }
  }
  Refusal("/tokenize", {{"content", "a"}, {"messages", Messages("Hi")}});
  Json body = ChatBody();
  body["parallel_tool_calls"] = 5;
  EXPECT_EQ(Refusal("/v1/chat/completions", body)["param"], "parallel_tool_calls");
}

// Whether a value of a field is refused because of itself.
bool IsRefused(const std::string& path, const std::string& name, const Json& value) {
  Json body = LeastBodies().at(path);
  if (name == "top_logprobs") body["logprobs"] = true;
  body[name] = value;
  const RawHttpResponse response = Pico().Post(path, body);
  return response.status == 400 && Json::parse(response.body)["error"]["param"] == name;
}

TEST(ServeFields, TheDescriptionTellsTheBoundsOfEachNumber) {
  for (const auto& [path, least] : LeastBodies().items()) {
    for (const auto& [name, schema] : FieldsOf(path).items()) {
      if (schema.contains("minimum") && name != "seed") {
        EXPECT_FALSE(IsRefused(path, name, schema.at("minimum"))) << path << name;
        EXPECT_TRUE(IsRefused(path, name, schema.at("minimum").get<double>() - 1)) << path << name;
      }
      if (schema.contains("exclusiveMinimum")) {
        EXPECT_TRUE(IsRefused(path, name, schema.at("exclusiveMinimum"))) << path << name;
      }
      if (!schema.contains("maximum")) continue;
      const bool is_long = name.starts_with("max_");
      if (!is_long) {
        EXPECT_FALSE(IsRefused(path, name, schema.at("maximum"))) << path << name;
      }
      EXPECT_TRUE(IsRefused(path, name, schema.at("maximum").get<double>() * 2 + 1))
          << path << name;
    }
  }
  EXPECT_EQ(FieldsOf("/v1/chat/completions").at("n").at("maximum"), 4);
  EXPECT_EQ(FieldsOf("/v1/completions").at("logprobs").at("maximum"), 5);
}

TEST(ServeFields, NullIsTakenForEveryFieldThatMayBeAbsent) {
  for (const auto& [path, least] : LeastBodies().items()) {
    Json body = least;
    for (const auto& [name, schema] : FieldsOf(path).items()) {
      if (!body.contains(name)) body[name] = nullptr;
      if (schema.contains("enum") || !schema.contains("type") || least.contains(name)) continue;
      EXPECT_THAT(schema.at("type"), testing::Contains("null")) << path << name;
    }
    EXPECT_EQ(Pico().Post(path, body).status, 200) << body;
  }
}

TEST(ServeFields, RefusalsNameTheFieldAndWhatWasFound) {
  struct Case {
    std::string path;
    std::string field;
    Json value;
    std::string found;
  };
  const std::string chat = "/v1/chat/completions";
  const std::string text = "/v1/completions";
  const Json twice = Json::array({{{"role", "user"}, {"content", 5}}});
  const Json wizard = Json::array({{{"role", "wizard"}, {"content", "a"}}});
  const std::vector<Case> cases = {
      {chat, "repetition_penalty", 0, "found 0"},
      {chat, "n", 9223372036854775808u, "found 9223372036854775808"},
      {chat, "stop_token_ids", {1e300}, "found 1e+300"},
      {chat, "chat_template_kwargs", {{"messages", 1}}, "found messages"},
      {chat, "messages", wizard, "found \"wizard\""},
      {chat, "messages", twice, "found 5"},
      {chat, "messages", Messages(std::string(60'000, 'x')), "4096"},
      {text, "prompt", {300, "a"}, "[1]: expected a token id, found \"a\""},
      {text, "prompt", {300, 301, 4064}, "[2]: expected a token id of 0 to 4063, found 4064"},
      {text, "prompt", Json::object(), "found {}"},
      {"/v1/embeddings", "encoding_format", "float64", "found \"float64\""},
      {"/v1/embeddings", "input", std::vector<int>(5000, 300), "4096"},
      {"/detokenize", "tokens", {300, 4064}, "[1]: expected a token id of 0 to 4063, found 4064"}};
  for (const Case& one : cases) {
    Json body = LeastBodies().at(one.path);
    body[one.field] = one.value;
    const Json error = Refusal(one.path, body);
    EXPECT_EQ(error["param"], one.field) << error;
    EXPECT_THAT(std::string(error["message"]), HasSubstr(one.found));
    EXPECT_THAT(std::string(error["message"]), testing::Not(HasSubstr("models/")));
  }
}

TEST(ServeFields, HeadersOfARequestAreReadAsTheyAreMeant) {
  const auto status = [](const std::string& headers) {
    return Exchange(Pico().port(), "POST /tokenize HTTP/1.1\r\nContent-Length: 15\r\n" + headers +
                                       "\r\n{\"content\":\"a\"}")
        .status;
  };
  EXPECT_EQ(status("Content-Type: APPLICATION/JSON\r\n"), 200);
  EXPECT_EQ(status("Content-Type: application/json; charset=utf-8\r\n"), 200);
  EXPECT_EQ(status("Content-Type: application/jsonfoo\r\n"), 415);
  EXPECT_EQ(status("Content-Type: application/json\r\nContent-Encoding: gzip\r\n"), 415);
  EXPECT_EQ(Pico().Get("http://a/v1/models").status, 200);
  EXPECT_EQ(Pico().Get("/v1/models/trinity%2Dpico").status, 200);
  EXPECT_EQ(Pico().Get("/v1/models/trinity%2").status, 404);
  Json body = ChatBody();
  body["a\"ö"] = 1;
  EXPECT_THAT(Pico().Post("/v1/chat/completions", body).head,
              HasSubstr(R"(Warning: 299 trinity "ignored fields: a\"%C3%B6")"));
}

TEST(ServeFields, NumbersOutOfRangeAreRefusedByName) {
  const std::vector<std::pair<std::string, Json>> bad = {{"temperature", -1},
                                                         {"temperature", 1e308},
                                                         {"temperature", "hot"},
                                                         {"top_p", 0},
                                                         {"top_p", 2},
                                                         {"top_k", -2},
                                                         {"n", 0},
                                                         {"n", 5},
                                                         {"max_tokens", 0},
                                                         {"max_tokens", -1},
                                                         {"max_tokens", 1e300},
                                                         {"top_logprobs", 6},
                                                         {"seed", 1e30},
                                                         {"seed", 18446744073709551616.0},
                                                         {"stop", ""},
                                                         {"stop", {1}},
                                                         {"stop", {"1", "2", "3", "4", "5"}},
                                                         {"logit_bias", {{"99999999", 1}}},
                                                         {"logit_bias", {{"-1", 1}}},
                                                         {"logit_bias", {{"5", 1000}}},
                                                         {"stop_token_ids", {-1}}};
  for (const auto& [field, value] : bad) {
    Json body = ChatBody();
    if (field == "top_logprobs") body["logprobs"] = true;
    body[field] = value;
    EXPECT_THAT(std::string(Refusal("/v1/chat/completions", body)["message"]), HasSubstr(field))
        << value;
  }
}

TEST(ServeFields, PromptsThatAreNoneAreRefused) {
  const std::vector<Json> prompts = {Json::array(),
                                     Json::array({-1}),
                                     Json::array({1 << 20}),
                                     Json::array({9223372036854775808u}),
                                     Json::array({1.5}),
                                     5,
                                     Json::array({Json::array()}),
                                     Json::object()};
  for (const Json& prompt : prompts) {
    Refusal("/v1/completions", {{"prompt", prompt}});
  }
  const std::vector<Json> messages = {
      Json::array(),
      "hello",
      Json::array({"hello"}),
      Json::array({{{"role", "wizard"}}}),
      Json::array({{{"role", "user"}, {"content", nullptr}}}),
      Json::array({{{"role", "user"}, {"content", {{{"type", "image_url"}}}}}})};
  for (const Json& list : messages) {
    EXPECT_EQ(Refusal("/v1/chat/completions", {{"messages", list}})["param"], "messages") << list;
  }
}

}  // namespace
}  // namespace trinity
