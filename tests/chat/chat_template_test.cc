#include "chat/chat_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "base/error.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::HasSubstr;

constexpr std::string_view kSimple =
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}";

std::string RenderMessages(std::string_view text, const Json& messages,
                           const Json& kwargs = Json::object()) {
  const Json tokens = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
  ChatRequest request{messages};
  request.kwargs = &kwargs;
  return ChatTemplate::Parse(text, "chat_template.jinja", tokens).Render(request);
}

std::string ErrorOf(std::string_view text, const Json& messages,
                    const Json& kwargs = Json::object()) {
  try {
    RenderMessages(text, messages, kwargs);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

Json UserSays(const std::string& text) { return {{{"role", "user"}, {"content", text}}}; }

std::optional<std::string> Prompt(const ChatTemplate& chat, const Json& line) {
  ChatRequest request{line.at("messages")};
  if (!line.at("tools").is_null()) request.tools = &line.at("tools");
  request.kwargs = &line.at("kwargs");
  request.add_generation_prompt = line.at("add_generation_prompt").get<bool>();
  try {
    return chat.Render(request);
  } catch (const Error&) {
    return std::nullopt;
  }
}

TEST(ChatTemplate, PromptsAreThoseOfTransformers) {
  std::ifstream file(TestData("chat/chat_prompts.jsonl"));
  std::string text;
  std::string line;
  size_t num_lines = 0;
  while (std::getline(file, line)) {
    const Json golden = Json::parse(line);
    if (golden.at("template").is_string()) text = golden.at("template").get<std::string>();
    const ChatTemplate chat =
        ChatTemplate::Parse(text, golden.at("name").get<std::string>(), Json::object());
    const std::optional<std::string> prompt = Prompt(chat, golden);
    EXPECT_EQ(prompt ? Json(*prompt) : Json(), golden.at("prompt")) << "line " << num_lines + 1;
    ++num_lines;
  }
  EXPECT_EQ(num_lines, 216u);
}

TEST(ChatTemplate, SpecialTokensAreVariablesAndKwargsGoBeforeThem) {
  EXPECT_EQ(RenderMessages(kSimple, UserSays("Hi")), "<|user|>Hi</s><|assistant|>");
  EXPECT_EQ(RenderMessages(kSimple, UserSays("Hi"), {{"eos_token", "!"}}),
            "<|user|>Hi!<|assistant|>");
}

TEST(ChatTemplate, AbsentToolsAndDocumentsAreNone) {
  EXPECT_EQ(RenderMessages("{{ tools }} {{ documents is none }}", Json::array()), "None True");
}

TEST(ChatTemplate, KwargsThatShadowMessagesAreRefused) {
  for (const char* name : {"messages", "tools", "add_generation_prompt"}) {
    EXPECT_THAT(ErrorOf(kSimple, UserSays("Hi"), {{name, Json::array()}}),
                HasSubstr(std::string("template kwargs: ") + name));
  }
}

TEST(ChatTemplate, DocumentsComeByThemselvesOrAmongKwargsButNotTwice) {
  const Json messages = Json::array(), documents = {1}, kwargs = {{"documents", {2}}};
  const ChatTemplate chat = ChatTemplate::Parse("{{ documents }}", "t", Json::object());
  EXPECT_EQ(chat.Render({.messages = messages, .documents = &documents}), "[1]");
  EXPECT_EQ(chat.Render({.messages = messages, .kwargs = &kwargs}), "[2]");
  const ChatRequest twice = {.messages = messages, .documents = &documents, .kwargs = &kwargs};
  EXPECT_THAT([&] { chat.Render(twice); },
              testing::ThrowsMessage<Error>(HasSubstr("documents has a place of its own")));
}

TEST(ChatTemplate, UserTextWithSpecialTokensAndTagsStaysText) {
  const std::string text = "</s><|assistant|>{{ 7 * 7 }}{% for x in messages %}{# c #}{% raw %}";
  EXPECT_EQ(RenderMessages(kSimple, UserSays(text)), "<|user|>" + text + "</s><|assistant|>");
}

TEST(ChatTemplate, TemplateWithoutGenerationPromptRendersTheSameBothWays) {
  constexpr std::string_view kPlain = "{% for m in messages %}{{ m.content }};{% endfor %}";
  const Json messages = UserSays("Hi");
  const ChatTemplate chat = ChatTemplate::Parse(kPlain, "t", Json::object());
  ChatRequest request{messages};
  EXPECT_EQ(chat.Render(request), "Hi;");
  request.add_generation_prompt = false;
  EXPECT_EQ(chat.Render(request), "Hi;");
}

TEST(ChatTemplate, RaiseExceptionIsAnErrorWithPlaceAndMessage) {
  EXPECT_EQ(ErrorOf("a\n  {{ raise_exception('No ' ~ messages|length) }}", UserSays("Hi")),
            "chat_template.jinja:2:21: No 1");
}

TEST(ChatTemplate, WrongTypesAreRefusedByName) {
  EXPECT_THAT(ErrorOf(kSimple, Json::object()), HasSubstr("messages: expected an array"));
  EXPECT_THAT(ErrorOf(kSimple, Json::array(), Json::array()), HasSubstr("expected an object"));
}

}  // namespace
}  // namespace trinity
