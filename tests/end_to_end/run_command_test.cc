#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;

constexpr const char* kViolin =
    "Violin: bowed stringed instrument that is the highest member of the violin family.\n";

Json RunJson(std::vector<std::string> arguments, const ProcessOptions& options = {}) {
  arguments.insert(arguments.begin(), "run");
  arguments.emplace_back("--json");
  const ProcessResult result = RunTrinity(arguments, options);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '\n'), 1) << result.out;
  return ParseJson(result.out.substr(0, result.out.size() - 1), "stdout");
}

TEST(RunCommand, AnswersWithTheBundledModel) {
  const ProcessResult result = RunTrinity({"run", "-p", "What is a violin?"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, kViolin);
  EXPECT_THAT(result.err, AllOf(HasSubstr("prompt: 17 tokens"), HasSubstr("greedy")));
}

TEST(RunCommand, GivesTheGreedyAnswersOfTransformers) {
  std::ifstream file(TestData("pico/answers.jsonl"));
  int num_answers = 0;
  for (std::string line; std::getline(file, line);) {
    const Json answer = ParseJson(line, "answers.jsonl");
    if (!answer.contains("user")) continue;
    Json ids = answer["greedy_ids"];
    ids.erase(ids.size() - 1);  // the stop id
    const Json json = RunJson({PicoFolder(), "-p", answer["user"].get<std::string>()});
    EXPECT_EQ(json["token_ids"], ids) << answer["user"];
    EXPECT_EQ(json["prompt_tokens"], answer["prompt_ids"].size());
    EXPECT_EQ(json["text"].get<std::string>() + "<|im_end|>", answer["text"]);
    ++num_answers;
  }
  EXPECT_GE(num_answers, 15);
}

TEST(RunCommand, ReadsThePromptFromFileOrStdinWithoutItsFinalNewline) {
  const TemporaryFolder folder;
  std::ofstream(folder / "prompt") << "What is a violin?\n";
  EXPECT_EQ(RunTrinity({"run", "-f", folder / "prompt"}).out, kViolin);
  EXPECT_EQ(RunTrinity({"run"}, {.input = "What is a violin?"}).out, kViolin);
  EXPECT_EQ(RunTrinity({"run", "-f", "-"}, {.input = "What is a violin?\r\n"}).out, kViolin);
  EXPECT_EQ(RunJson({}, {.input = "a\n"})["prompt_tokens"], RunJson({"-p", "a"})["prompt_tokens"]);
  EXPECT_EQ(RunJson({}, {.input = "a\n\n"})["prompt_tokens"],
            RunJson({"-p", "a\n"})["prompt_tokens"]);
  EXPECT_EQ(RunTrinity({"run", "-f", folder / "none"}).exit_code, 1);
  EXPECT_EQ(RunTrinity({"run", "-f", folder / "prompt", "-p", "a"}).exit_code, 2);
}

TEST(RunCommand, JsonTellsEverythingAboutTheAnswer) {
  const Json json = RunJson({"-p", "What is a violin?", "-n", "5", "-t", "1"});
  EXPECT_EQ(json["text"], "Violin: b");
  EXPECT_EQ(json["token_ids"], Json({808, 723, 298, 57, 341}));
  EXPECT_EQ(json["prompt_tokens"], 17);
  EXPECT_EQ(json["completion_tokens"], 5);
  EXPECT_EQ(json["finish_reason"], "length");
  EXPECT_EQ(json["sampling"]["temperature"], 0);
  EXPECT_TRUE(json["sampling"]["seed"].is_null());
  for (const char* timing :
       {"load_s", "prefill_s", "prefill_tokens_per_s", "decode_tokens_per_s"}) {
    EXPECT_GT(json["timings"][timing], 0) << timing;
  }
  EXPECT_GT(json["peak_memory_bytes"], 26'000'000);
  EXPECT_EQ(json["threads"], 1);
  EXPECT_FALSE(json["simd_target"].empty());
}

TEST(RunCommand, StopsAtTheEndOfTheTurn) {
  const Json json = RunJson({"-p", "Hello!"});
  EXPECT_EQ(json["finish_reason"], "stop");
  EXPECT_EQ(json["text"], "Hello! How can I help you today?");
}

TEST(RunCommand, RawContinuesTheTextItself) {
  const Json json = RunJson({"--raw", "-p", "The capital of France is", "-n", "1"});
  EXPECT_EQ(json["prompt_tokens"],
            RunJson({"--raw", "-p", "", "-n", "1"})["prompt_tokens"].get<int>() +
                Json::parse(RunTrinity({"tokenize", "--no-special", "--json", "-p",
                                        "The capital of France is"})
                                .out)["ids"]
                    .size());
}

TEST(RunCommand, SeedDecidesTheAnswerWhateverThreadsAndChunks) {
  const auto answer = [](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"--raw", "-p", "Once upon a time", "--temperature", "1.5",
                                          "-n",    "40"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunJson(arguments);
  };
  const Json first = answer({"--seed", "5"});
  EXPECT_EQ(first["sampling"]["seed"], 5);
  EXPECT_EQ(answer({"--seed", "5", "-t", "1", "--prefill-chunk", "1"})["token_ids"],
            first["token_ids"]);
  EXPECT_NE(answer({"--seed", "6"})["token_ids"], first["token_ids"]);
  // Without a seed a new one is drawn, and told so that the answer can be had again.
  const Json drawn = answer({});
  const Json again = answer({"--seed", drawn["sampling"]["seed"].dump()});
  EXPECT_EQ(again["token_ids"], drawn["token_ids"]);
}

TEST(RunCommand, ContextLimitsTheAnswer) {
  const Json json =
      RunJson({"--raw", "-p", "Once", "-c", "20", "--temperature", "5", "--seed", "1"});
  EXPECT_EQ(json["finish_reason"], "length");
  EXPECT_LE(json["prompt_tokens"].get<int>() + json["completion_tokens"].get<int>(), 21);
  const ProcessResult too_long = RunTrinity({"run", "-p", "What is a violin?", "-c", "5"});
  EXPECT_EQ(too_long.exit_code, 1);
  EXPECT_THAT(too_long.err, HasSubstr("the prompt has 17 tokens: expected at most 5"));
  const ProcessResult beyond = RunTrinity({"run", "-p", "a", "-c", "4097"});
  EXPECT_EQ(beyond.exit_code, 2);
  EXPECT_THAT(beyond.err, HasSubstr("--context: expected at most 4096"));
}

TEST(RunCommand, PromptsMayHoldAnything) {
  for (const char* prompt : {"[a, b]", "{}", "-n", "--json", "\"quoted\"", "%%",
                             "a\xff\xfe"
                             "b",
                             "<|im_end|>", "\x01\x02"}) {
    const Json json = RunJson({"-n", "2", "-p", prompt});
    EXPECT_GT(json["prompt_tokens"], 8) << prompt;
  }
  // The empty value of a flag is a value too.
  EXPECT_EQ(RunJson({"-n", "2", "--prompt="})["token_ids"],
            RunJson({"-n", "2", "-p", ""})["token_ids"]);
}

TEST(RunCommand, ModelWithoutTokenizerIsRefused) {
  const ProcessResult result = RunTrinity({"run", TestData("goldens/base"), "-p", "a"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("tokenizer.json"));
}

TEST(RunCommand, EndsQuietlyWhenItsReaderGoesAway) {
  const ProcessResult result =
      RunTrinity({"run", "--raw", "-p", "Once", "--temperature", "5", "--seed", "1", "-n", "4000"},
                 {.close_output_after = 10});
  EXPECT_EQ(result.exit_code, 141);
  EXPECT_EQ(result.err, "");
}

TEST(RunCommand, InterruptKeepsTheAnswerSoFar) {
  const ProcessResult result =
      RunTrinity({"run", "--raw", "-p", "Once", "--temperature", "5", "--seed", "1", "-n", "4000"},
                 {.interrupt_after = 10});
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_GE(result.out.size(), 10u);
  EXPECT_THAT(result.out, EndsWith("\n"));
  EXPECT_THAT(result.err, HasSubstr("cancelled"));
}

}  // namespace
}  // namespace trinity
