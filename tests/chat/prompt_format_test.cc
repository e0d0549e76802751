#include "chat/prompt_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::HasSubstr;

const Tokenizer& PicoTokenizer() {
  static const Tokenizer tokenizer = Tokenizer::Load(PicoFolder());
  return tokenizer;
}

TokenizerConfig WithTemplates(std::vector<std::pair<std::string, std::string>> templates) {
  TokenizerConfig config;
  config.named_tokens = {{"bos_token", "<s>"}, {"eot_token", "<e>"}};
  config.chat_templates = std::move(templates);
  return config;
}

std::optional<PromptFormat> Find(const TokenizerConfig& config) {
  return PromptFormat::Find(config, &PicoTokenizer(), "model");
}

std::string ErrorOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string Render(const PromptFormat& format, const Json& messages, const Json* tools = nullptr) {
  ChatRequest request{messages};
  request.tools = tools;
  return format.Render(request);
}

const Json kHi = {{{"role", "user"}, {"content", "hi"}}};

TEST(PromptFormat, ModelWithoutTemplateGetsTheLayoutThatTheTrinityTemplatesShare) {
  TokenizerConfig config;
  config.named_tokens = {{"bos_token", "<|begin_of_text|>"}};
  const std::optional<PromptFormat> format = Find(config);
  ASSERT_TRUE(format);
  EXPECT_TRUE(format->is_assumed());
  std::ifstream file(TestData("chat/simple_prompts.jsonl"));
  int num_lines = 0;
  for (std::string line; std::getline(file, line); ++num_lines) {
    const Json golden = ParseJson(line, "simple_prompts.jsonl");
    EXPECT_EQ(Render(*format, golden["messages"]), golden["prompt"].get<std::string>());
  }
  EXPECT_EQ(num_lines, 18);
}

TEST(PromptFormat, AssumedLayoutRefusesWhatItHasNoPlaceFor) {
  const std::optional<PromptFormat> format = Find({});
  const Json tools = {{{"name", "f"}}};
  EXPECT_THAT(ErrorOf([&] { Render(*format, kHi, &tools); }), HasSubstr("takes no tools"));
  const Json parts = {{{"role", "user"}, {"content", Json::array()}}};
  EXPECT_THAT(ErrorOf([&] { Render(*format, parts); }), HasSubstr("must be a string"));
}

TEST(PromptFormat, TokenizerWithoutTheTokensOfChatMlHasNone) {
  const TemporaryFolder folder;
  std::string text = ReadTextFile(PicoFolder() + "/tokenizer.json");
  for (size_t at = 0; (at = text.find("<|im_start|>", at)) != text.npos; ++at) {
    text.replace(at, 12, "<|im_begin|>");
  }
  std::ofstream(folder / "tokenizer.json") << text;
  const Tokenizer other = Tokenizer::Load(folder.path());
  EXPECT_FALSE(PromptFormat::Find({}, &other, "model"));
  EXPECT_TRUE(PromptFormat::Find(WithTemplates({{"default", "x"}}), &other, "model"));
}

TEST(PromptFormat, TemplateFindsAllNamedTokens) {
  const auto format = Find(WithTemplates({{"default", "{{ bos_token }}{{ eot_token }}"}}));
  EXPECT_FALSE(format->is_assumed());
  EXPECT_EQ(Render(*format, kHi), "<s><e>");
}

TEST(PromptFormat, ToolsAreRenderedByTheTemplateOfThatName) {
  const Json tools = {{{"name", "f"}}};
  const auto both = Find(WithTemplates({{"default", "D"}, {"tool_use", "T"}, {"rag", "R"}}));
  EXPECT_EQ(Render(*both, kHi), "D");
  EXPECT_EQ(Render(*both, kHi, &tools), "T");
  const auto one = Find(WithTemplates({{"default", "D"}}));
  EXPECT_EQ(Render(*one, kHi, &tools), "D");
}

TEST(PromptFormat, SeveralTemplatesWithoutADefaultAreRefused) {
  EXPECT_THAT(ErrorOf([] {
                Find(WithTemplates({{"rag", "R"}}));
              }),
              HasSubstr("model: chat templates: expected one named default"));
}

TEST(PromptFormat, ErrorsOfATemplateNameTheModel) {
  EXPECT_THAT(ErrorOf([] {
                Find(WithTemplates({{"default", "\n{% if %}"}}));
              }),
              HasSubstr("model: chat template:2:"));
}

TEST(PromptFormat, KnowsWhichVariablesATemplateReads) {
  const auto format = Find(WithTemplates(
      {{"default",
        "{# other #}{% for m in messages %}{% macro f() %}{% if enable_thinking is defined %}"
        "{{ m.reasoning_content }}{% endif %}{% endmacro %}{% endfor %}"}}));
  EXPECT_TRUE(format->Reads("enable_thinking"));
  EXPECT_FALSE(format->Reads("other"));
  EXPECT_TRUE(format->TakesReasoning());
  EXPECT_FALSE(Find({})->TakesReasoning());
}

}  // namespace
}  // namespace trinity
