#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file.h"
#include "base/json.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::HasSubstr;

std::vector<Json> Lines(const std::string& text) {
  std::vector<Json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(ParseJson(line, "line"));
  return lines;
}

std::vector<Json> RenderLines(const std::string& input, std::vector<std::string> flags = {}) {
  flags.insert(flags.begin(), {"render", "--jsonl"});
  const ProcessResult result = RunTrinity(flags, {.input = input});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return Lines(result.out);
}

TEST(RenderCommand, EveryGoldenPromptIsThatOfTransformers) {
  const std::string input = ReadTextFile(TestData("chat/chat_prompts.jsonl"));
  const std::vector<Json> goldens = Lines(input);
  const std::vector<Json> answers = RenderLines(input);
  ASSERT_EQ(goldens.size(), 216u);
  ASSERT_EQ(answers.size(), goldens.size());
  for (size_t i = 0; i < goldens.size(); ++i) {
    EXPECT_EQ(answers[i].value("prompt", Json()), goldens[i]["prompt"]) << "line " << i + 1;
    EXPECT_EQ(answers[i].contains("error"), goldens[i]["prompt"].is_null()) << "line " << i + 1;
  }
}

constexpr const char* kHi = R"({"messages":[{"role":"user","content":"Hi"}])";

TEST(RenderCommand, LinesGoBeforeFlagsAndTemplatesHoldForTheLinesAfterThem) {
  const std::string template_text = R"("template":"{{ bos_token }}{{ a }}{{ messages|length }}")";
  const std::vector<Json> answers = RenderLines(
      std::string(kHi) + ",\"kwargs\":{\"bos_token\":\"B\",\"a\":1}," + template_text + "}\n" +
          kHi + "}\n" + kHi + R"(,"template":"{% if"})" + "\n" + kHi + "}\nnot JSON\n{}\n" + kHi +
          R"(,"template":"{{ add_generation_prompt }}","add_generation_prompt":true})" + "\n",
      {"--kwargs", R"({"a": 2})", "--no-generation-prompt"});
  ASSERT_EQ(answers.size(), 7u);
  EXPECT_EQ(answers[0]["prompt"], "B11");
  EXPECT_EQ(answers[1]["prompt"], "<|begin_of_text|>21");
  EXPECT_THAT(answers[2]["error"].get<std::string>(), HasSubstr("template:1:"));
  EXPECT_EQ(answers[3], answers[2]);
  EXPECT_THAT(answers[4]["error"].get<std::string>(), HasSubstr("not valid JSON"));
  EXPECT_THAT(answers[5]["error"].get<std::string>(), HasSubstr("messages: expected an array"));
  EXPECT_EQ(answers[6]["prompt"], "True");
}

TEST(RenderCommand, ToolsAndDocumentsOfALineReachTheTemplate) {
  const std::string head =
      std::string(kHi) + R"(,"template":"{{ tools|tojson }}{{ documents|tojson }}")";
  const std::vector<Json> answers =
      RenderLines(head + R"(,"tools":[{"a":1}],"documents":[{"b":2}]})" + "\n" + kHi + "}\n" + kHi +
                  R"(,"kwargs":{"documents":[3]}})" + "\n");
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_EQ(answers[0]["prompt"], R"([{"a": 1}][{"b": 2}])");
  EXPECT_EQ(answers[1]["prompt"], "nullnull");
  EXPECT_EQ(answers[2]["prompt"], "null[3]");
}

TEST(RenderCommand, IntegersKeepAllTheirDigits) {
  const std::string line =
      R"({"messages":[{"i":N}],"template":"{{ messages[0].i|tojson }} {{ messages[0].i - 1 }}"})";
  const auto rendered = [&](const std::string& number) {
    return RenderLines(std::string(line).replace(line.find('N'), 1, number) + "\n")[0];
  };
  EXPECT_EQ(rendered("123456789012345678901")["prompt"],
            "123456789012345678901 123456789012345678900");
  EXPECT_EQ(rendered("-18446744073709551616")["prompt"],
            "-18446744073709551616 -18446744073709551617");
  EXPECT_EQ(rendered("170141183460469231731687303715884105727")["prompt"],
            "170141183460469231731687303715884105727 170141183460469231731687303715884105726");
  EXPECT_EQ(rendered("1e20")["prompt"], "1e+20 1e+20");
  EXPECT_THAT(std::string(rendered("170141183460469231731687303715884105728")["error"]),
              HasSubstr("more than 128 bits"));
  EXPECT_THAT(std::string(rendered("-" + std::string(100, '9'))["error"]),
              HasSubstr("more than 128 bits"));
}

TEST(RenderCommand, AnswersAreLinesForEveryReader) {
  const std::string prompt = "a\nb\u0085c\u2028d\u2029e\v\f\x1c\x1d\x1e\u00e9";
  const Json line = {
      {"messages", Json::array()}, {"template", "{{ s }}"}, {"kwargs", {{"s", prompt}}}};
  const std::string out = RunTrinity({"render", "--jsonl"}, {.input = line.dump() + "\n"}).out;
  EXPECT_EQ(out, R"({"prompt":"a\nb\u0085c\u2028d\u2029e\u000b\f\u001c\u001d\u001eé"})"
                 "\n");
  EXPECT_EQ(ParseJson(out, "line")["prompt"], prompt);
}

TEST(RenderCommand, EveryLineHasItsAnswerHoweverBadItIs) {
  const std::string hi = std::string(kHi) + R"(,"template":"ok"})";
  const std::vector<std::string> bad = {
      "",
      " ",
      "null",
      "5",
      "[{]",
      "{",
      "\xff",
      R"({"messages":[],"messages":[]})",
      R"({"messages":{}})",
      R"({"messages":"x"})",
      std::string(kHi) + R"(,"tools":{}})",
      std::string(kHi) + R"(,"documents":5})",
      std::string(kHi) + R"(,"kwargs":[]})",
      std::string(kHi) + R"(,"kwargs":{"messages":[]}})",
      std::string(kHi) + R"(,"add_generation_prompt":"yes"})",
      std::string(kHi) + R"(,"template":5})",
      std::string(kHi) + R"(,"template":"{{ raise_exception('no') }}"})",
      std::string(kHi) + R"(,"template":"{% for x in range(99999999) %}{% endfor %}"})",
      std::string(5000, '['),
  };
  std::string input;
  for (const std::string& line : bad) input += line + "\n" + hi + "\n";
  const std::vector<Json> answers = RenderLines(input + hi);  // the last line has no end
  ASSERT_EQ(answers.size(), 2 * bad.size() + 1);
  for (size_t i = 0; i < answers.size(); ++i) {
    const bool is_bad = i % 2 == 0 && i / 2 < bad.size();
    EXPECT_EQ(answers[i].contains("error"), is_bad) << answers[i];
    EXPECT_EQ(answers[i].size(), 1u);
    if (!is_bad) {
      EXPECT_EQ(answers[i]["prompt"], "ok");
    }
  }
}

TEST(RenderCommand, RendersFilesWithTheTemplateOfTheModelOrOneOfTheUser) {
  const TemporaryFolder folder;
  std::ofstream(folder / "messages") << R"([{"role": "user", "content": "Hi"}])";
  std::ofstream(folder / "tools") << R"([{"name": "f"}])";
  std::ofstream(folder / "template") << "{{ messages[0].content }} {{ tools[0].name }}\n";
  EXPECT_EQ(RunTrinity({"render", "--messages", folder / "messages"}).out,
            "<|begin_of_text|><|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(RunTrinity({"render", PicoFolder(), "--messages", folder / "messages", "--kwargs",
                        R"({"enable_thinking": true, "bos_token": ""})"})
                .out,
            "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n<think>\n");
  EXPECT_EQ(RunTrinity({"render", "--messages", folder / "messages", "--no-generation-prompt"}).out,
            "<|begin_of_text|><|im_start|>user\nHi<|im_end|>\n");
  EXPECT_EQ(RunTrinity({"render", "--messages", "-", "--tools", folder / "tools", "--template",
                        folder / "template"},
                       {.input = R"({"messages": [{"role": "user", "content": "é"}]})"})
                .out,
            "é f");
}

TEST(RenderCommand, NeedsNoWeights) {
  const TemporaryFolder folder;
  std::ofstream(folder / "tokenizer_config.json")
      << R"({"bos_token": "<s>", "chat_template": "{{ bos_token }}!"})";
  EXPECT_EQ(RunTrinity({"render", folder.path(), "--messages", "-"}, {.input = "[]"}).out, "<s>!");
}

TEST(RenderCommand, ModelsWithoutTemplateAreRefusedUnlessOneIsGiven) {
  const TemporaryFolder folder;
  const ProcessResult refused =
      RunTrinity({"render", folder.path(), "--messages", "-"}, {.input = "[]"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("no chat template: give one with --template"));
  EXPECT_EQ(RenderLines(R"({"messages":[],"template":"x"})", {folder.path()})[0]["prompt"], "x");
}

TEST(RenderCommand, FailuresAreOneLine) {
  const ProcessResult failed = RunTrinity({"render", "--messages", "-"},
                                          {.input = R"([{"role": "wizard", "content": "a"}])"});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_EQ(failed.out, "");
  EXPECT_THAT(failed.err, HasSubstr("Unknown role: wizard"));
  EXPECT_EQ(RunTrinity({"render"}).exit_code, 2);
  EXPECT_EQ(RunTrinity({"render", "--jsonl", "--messages", "-"}).exit_code, 2);
}

}  // namespace
}  // namespace trinity
