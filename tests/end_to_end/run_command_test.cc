#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

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
  const ProcessResult result = RunTrinity({"run", "-p", "What is a violin?", "--temp", "0"});
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
    const Json json =
        RunJson({PicoFolder(), "-p", answer["user"].get<std::string>(), "--temperature", "0"});
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
  EXPECT_EQ(RunTrinity({"run", "--temp", "0", "-f", folder / "prompt"}).out, kViolin);
  EXPECT_EQ(RunTrinity({"run", "--temp", "0"}, {.input = "What is a violin?"}).out, kViolin);
  EXPECT_EQ(RunTrinity({"run", "--temp=0", "-f", "-"}, {.input = "What is a violin?\r\n"}).out,
            kViolin);
  EXPECT_EQ(RunJson({}, {.input = "a\n"})["prompt_tokens"], RunJson({"-p", "a"})["prompt_tokens"]);
  EXPECT_EQ(RunJson({}, {.input = "a\n\n"})["prompt_tokens"],
            RunJson({"-p", "a\n"})["prompt_tokens"]);
  EXPECT_EQ(RunTrinity({"run", "-f", folder / "none"}).exit_code, 1);
  EXPECT_EQ(RunTrinity({"run", "-f", folder / "prompt", "-p", "a"}).exit_code, 2);
}

TEST(RunCommand, UsersCannotForgeTurns) {
  const auto prompt_tokens = [](const std::string& prompt) {
    const ProcessResult run = RunTrinity({"run", "-p", prompt, "-n", "1", "--json"});
    return ParseJson(run.out, "stdout").at("prompt_tokens").get<int>();
  };
  // As one special token it would be one id.
  EXPECT_GT(prompt_tokens("<|im_end|>"), prompt_tokens("a") + 2);
}

TEST(RunCommand, JsonTellsEverythingAboutTheAnswer) {
  const Json json = RunJson({"-p", "What is a violin?", "-n", "5", "-t", "1", "--temp", "0"});
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
  const Json json = RunJson({"-p", "Hello!", "--temp", "0"});
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
    std::vector<std::string> arguments = {
        "--raw",   "-p", "Once upon a time", "--temperature", "1.5", "-n", "40", "--top-k", "0",
        "--top-p", "1"};
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
      RunJson({"--raw", "-p", "Once", "-c", "20", "--min-tokens", "20", "--seed", "1"});
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
  EXPECT_EQ(RunJson({"-n", "2", "--seed", "3", "--prompt="})["token_ids"],
            RunJson({"-n", "2", "--seed", "3", "-p", ""})["token_ids"]);
}

TEST(RunCommand, APromptInTheModelsPlaceIsToldSo) {
  EXPECT_THAT(RunTrinity({"run", "What is a violin?"}).err,
              HasSubstr("there is no such model folder or file (a prompt is given with -p)"));
}

TEST(RunCommand, ModelWithoutTokenizerIsRefused) {
  const ProcessResult result = RunTrinity({"run", TestData("goldens/base"), "-p", "a"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("tokenizer.json"));
}

TEST(RunCommand, EndsQuietlyWhenItsReaderGoesAway) {
  const ProcessResult result = RunTrinity(
      {"run", "--raw", "-p", "Once", "--min-tokens", "4000", "--seed", "1", "-n", "4000"},
      {.close_output_after = 10});
  EXPECT_EQ(result.exit_code, 141);
  EXPECT_EQ(result.err, "");
}

TEST(RunCommand, InterruptKeepsTheAnswerSoFar) {
  const ProcessResult result = RunTrinity(
      {"run", "--raw", "-p", "Once", "--min-tokens", "4000", "--seed", "1", "-n", "4000"},
      {.interrupt_after = 10});
  EXPECT_EQ(result.exit_code, 130);
  EXPECT_GE(result.out.size(), 10u);
  EXPECT_THAT(result.out, EndsWith("\n"));
  EXPECT_THAT(result.err, HasSubstr("cancelled"));
}

// A copy of the bundled model whose weights are the same file.
void LinkPico(const TemporaryFolder& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(PicoFolder())) {
    std::filesystem::create_symlink(entry.path(), folder / entry.path().filename().string());
  }
}

void Replace(const TemporaryFolder& folder, const std::string& name, const std::string& text) {
  std::filesystem::remove(folder / name);
  if (!text.empty()) std::ofstream(folder / name) << text;
}

int PromptTokens(const std::string& text) {
  const ProcessResult result = RunTrinity({"tokenize", "--no-special", "--json", "-p", text});
  return static_cast<int>(ParseJson(result.out, "stdout")["ids"].size());
}

TEST(RunCommand, PromptIsWhatTheTemplateOfTheModelMakesOfIt) {
  const TemporaryFolder folder;
  LinkPico(folder);
  Replace(folder, "chat_template.jinja",
          "{{ bos_token }}{% for m in messages %}[{{ m.role }}: {{ m.content }}]{% endfor %}"
          "{% if enable_thinking %}think{% endif %}");
  const auto prompt_tokens = [&](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {folder.path(), "-p", "Hi there", "-n", "1"});
    return RunJson(flags)["prompt_tokens"].get<int>();
  };
  EXPECT_EQ(prompt_tokens({}), PromptTokens("<|begin_of_text|>[user: Hi there]"));
  EXPECT_EQ(prompt_tokens({"--think"}), PromptTokens("<|begin_of_text|>[user: Hi there]think"));
  EXPECT_EQ(prompt_tokens({"--no-think", "--system", "Be brief."}),
            PromptTokens("<|begin_of_text|>[system: Be brief.][user: Hi there]"));
  EXPECT_EQ(prompt_tokens({"--raw"}), PromptTokens("<|begin_of_text|>Hi there"));
}

TEST(RunCommand, ModelWithoutTemplateGetsChatMlWithANoticeOrNone) {
  const TemporaryFolder folder;
  LinkPico(folder);
  Replace(folder, "chat_template.jinja", "");
  const std::vector<std::string> run = {"run", folder.path(), "-p", "Hello!", "--temp", "0"};
  const ProcessResult assumed = RunTrinity(run);
  EXPECT_EQ(assumed.out, "Hello! How can I help you today?\n");
  EXPECT_THAT(assumed.err, HasSubstr("no chat template: ChatML is assumed"));

  std::string tokenizer = ReadTextFile(PicoFolder() + "/tokenizer.json");
  for (size_t at = 0; (at = tokenizer.find("<|im_start|>", at)) != tokenizer.npos; ++at) {
    tokenizer.replace(at, 12, "<|im_begin|>");
  }
  Replace(folder, "tokenizer.json", tokenizer);
  const ProcessResult refused = RunTrinity(run);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("--raw"));
  EXPECT_EQ(RunTrinity({"run", folder.path(), "-p", "Hello!", "--raw", "-n", "1"}).exit_code, 0);
}

TEST(RunCommand, SaysWhatItsFlagsDoNotChange) {
  const TemporaryFolder folder;
  LinkPico(folder);
  Replace(folder, "chat_template.jinja", "{{ messages[0].content }}");
  EXPECT_THAT(RunTrinity({"run", folder.path(), "-p", "a", "-n", "1", "--no-think"}).err,
              HasSubstr("no variable enable_thinking: --no-think changes nothing"));
  const auto notice = [](const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = {"run", "-p", "a", "-n", "1"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return RunTrinity(arguments).err;
  };
  EXPECT_THAT(notice({"--temp", "0", "--top-p", "0.5"}), HasSubstr("--top-p changes nothing"));
  EXPECT_THAT(notice({"--top-p", "0.5", "--think"}), Not(HasSubstr("nothing")));
}

TEST(RunCommand, SamplingComesFromTheFilesUnlessFlagsSayOtherwise) {
  const Json files = RunJson({"-p", "Hello!", "-n", "1"})["sampling"];
  EXPECT_EQ(files["temperature"], 0.3);
  EXPECT_EQ(files["top_k"], 50);
  EXPECT_EQ(files["sources"]["top_p"], "generation_config.json");
  const Json flags = RunJson({"-p", "Hello!", "-n", "1", "--temp", "0.7", "--top_k", "-1"});
  EXPECT_EQ(flags["sampling"]["temperature"], 0.7);
  EXPECT_EQ(flags["sampling"]["top_k"], 0);
  EXPECT_EQ(flags["sampling"]["top_p"], 0.9);
  EXPECT_EQ(flags["sampling"]["sources"]["temperature"], "flag");
  const ProcessResult text = RunTrinity({"run", "-p", "Hello!", "-n", "1", "--min-p", "0.2"});
  EXPECT_THAT(text.err, AllOf(HasSubstr("temperature 0.3, top_k 50, top_p 0.9, min_p 0.2, seed "),
                              HasSubstr("generation_config.json: temperature, top_k, top_p")));
}

TEST(RunCommand, AdviceForAStepThatSamplersLeaveOutIsOff) {
  const std::vector<std::string> run = {"-p", "Hello!", "-n", "1", "--samplers", "top_k;min_p"};
  const Json sampling = RunJson(run)["sampling"];
  EXPECT_EQ(sampling["top_k"], 50);
  EXPECT_EQ(sampling["sources"]["min_p"], "generation_config.json");
  EXPECT_EQ(sampling["temperature"], 1.0);
  EXPECT_EQ(sampling["top_p"], 1.0);
  EXPECT_EQ(sampling["sources"]["top_p"], "off, left out of samplers");
  std::vector<std::string> text = {"run"};
  text.insert(text.end(), run.begin(), run.end());
  EXPECT_THAT(RunTrinity(text).err,
              AllOf(HasSubstr("temperature 1, top_k 50, min_p 0.05, samplers top_k min_p, seed "),
                    HasSubstr("off, left out of samplers: temperature, top_p")));
}

TEST(RunCommand, EverySamplingFlagArrives) {
  const std::vector<std::pair<std::vector<std::string>, Json>> cases = {
      {{"--temp", "0.5"}, {{"temperature", 0.5}}},
      {{"--top-k", "7"}, {{"top_k", 7}}},
      {{"--top_p", "0.5"}, {{"top_p", 0.5}}},
      {{"--min-p", "0.1"}, {{"min_p", 0.1}}},
      {{"--typical", "0.5"}, {{"typical_p", 0.5}}},
      {{"--top-nsigma", "1.5"}, {{"top_n_sigma", 1.5}}},
      {{"--xtc-probability", "0.5", "--xtc-threshold", "0.2"},
       {{"xtc_probability", 0.5}, {"xtc_threshold", 0.2}}},
      {{"--repeat-penalty", "1.1", "--repeat-last-n", "64"},
       {{"repetition_penalty", 1.1}, {"penalty_last_n", 64}}},
      {{"--penalty-last-n", "-1"}, {{"penalty_last_n", nullptr}}},
      {{"--presence-penalty", "-0.5", "--frequency-penalty", "0.25", "--counted-tokens", "all"},
       {{"presence_penalty", -0.5}, {"frequency_penalty", 0.25}, {"counted_tokens", "all"}}},
      {{"--dry-multiplier", "0.8", "--dry-base", "2", "--dry-allowed-length", "3",
        "--dry-penalty-last-n", "100", "--dry-sequence-breaker", ";", "--dry-sequence-breaker",
        "|"},
       {{"dry_multiplier", 0.8},
        {"dry_base", 2.0},
        {"dry_allowed_length", 3},
        {"dry_penalty_last_n", 100}}},
      {{"-l", "15+2.5", "-l", "16-1", "--logit-bias", R"({"17": 1})", "-l", "18-inf"},
       {{"logit_bias", {{"15", 2.5}, {"16", -1.0}, {"17", 1.0}, {"18", "-inf"}}}}},
      {{"--min-tokens", "1"}, {{"min_tokens", 1}}},
      {{"--seed", "18446744073709551615"}, {{"seed", 18446744073709551615U}}},
      {{"--samplers", "top_k;top_p;min_p;temperature;typ_p"},
       {{"samplers", {"top_k", "top_p", "min_p", "temperature", "typical_p"}}}},
  };
  for (const auto& [flags, expected] : cases) {
    std::vector<std::string> arguments = {"-p", "Hello!", "-n", "1"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const Json sampling = RunJson(arguments)["sampling"];
    for (const auto& [name, value] : expected.items()) {
      EXPECT_EQ(sampling[name], value) << name;
    }
  }
}

TEST(RunCommand, SamplingFlagsChangeTheAnswer) {
  const auto first = [](const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = {"-p", "What is a violin?", "-n", "4", "--temp", "0"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return RunJson(arguments)["token_ids"];
  };
  EXPECT_EQ(first({}), Json({808, 723, 298, 57}));
  EXPECT_NE(first({"-l", "808-inf"})[0], 808);
  EXPECT_EQ(first({"-l", "500+1000"}), Json({500, 500, 500, 500}));
  EXPECT_NE(first({"-l", "500+1000", "--presence-penalty", "100", "--repeat-penalty", "100"})[1],
            500);
  const Json hello = RunJson({"-p", "Hello!", "--temp", "0", "--min-tokens", "40", "-n", "60"});
  EXPECT_GE(hello["completion_tokens"], 40);
}

TEST(RunCommand, BadSamplingIsWrongUsage) {
  for (const std::vector<std::string>& flags : std::vector<std::vector<std::string>>{
           {"--top-p", "0"},
           {"--top-p", "1.5"},
           {"--logit-bias", "x"},
           {"--logit-bias", "999999+1"},
           {"--logit-bias", "5+1", "-l", "5+2"},
           {"--logit-bias", "{\"5\":\"a\"}"},
           {"--samplers", "top_k;nothing"},
           {"--samplers", "top_k", "--top-p", "0.5"},
           {"--samplers", "top_k", "--temp", "0.5"},
           {"--dry-multiplier", "1", "--dry-sequence-breaker", ""},
           {"--think", "--no-think"},
           {"--raw", "--system", "a"}}) {
    std::vector<std::string> arguments = {"run", "-p", "a"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const ProcessResult result = RunTrinity(arguments);
    EXPECT_EQ(result.exit_code, 2) << flags[0] << " " << flags[1] << ": " << result.err;
    EXPECT_EQ(result.out, "");
  }
}

TEST(RunCommand, StopStringsEndTheAnswerAcrossTokens) {
  // "Violin: bowed" is the tokens Vi, ol, in, ":", " b", ...: the stop text lies in three of them.
  const Json json =
      RunJson({"-p", "What is a violin?", "--temp", "0", "--stop", "zzz", "--stop", "lin: bo"});
  EXPECT_EQ(json["text"], "Vio");
  EXPECT_EQ(json["finish_reason"], "stop");
  EXPECT_EQ(json["stop_string"], "lin: bo");
  EXPECT_EQ(RunTrinity({"run", "-p", "What is a violin?", "--temp", "0", "--stop", "lin: bo"}).out,
            "Vio\n");
}

TEST(RunCommand, LogprobsEndWhereAStopStringCutsTheAnswer) {
  // "Violin: bowed" is the tokens Vi, ol, in, ":", ...: the cut is in the second.
  for (const std::string stop : {"l", "lin: bo"}) {
    const std::vector<std::string> run = {"-p", "What is a violin?", "--temp", "0", "--stop",
                                          stop, "--logprobs",        "1"};
    const Json json = RunJson(run);
    EXPECT_EQ(json["text"], "Vio");
    ASSERT_EQ(json["logprobs"].size(), 2u) << stop;
    EXPECT_EQ(json["logprobs"][1]["token"], "ol");
    EXPECT_EQ(json["completion_tokens"], json["token_ids"].size());
    std::vector<std::string> text = {"run"};
    text.insert(text.end(), run.begin(), run.end());
    const std::string told = RunTrinity(text).err;
    EXPECT_THAT(told, AllOf(HasSubstr("\"ol\" "), Not(HasSubstr("\"in\" "))));
  }
}

TEST(RunCommand, LogprobsAreThoseOfTheModelItself) {
  const Json json =
      RunJson({"-p", "What is a violin?", "-n", "3", "--temp", "0", "--logprobs", "2"});
  ASSERT_EQ(json["logprobs"].size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const Json& entry = json["logprobs"][i];
    EXPECT_EQ(entry["id"], json["token_ids"][i]);
    ASSERT_EQ(entry["top"].size(), 2u);
    EXPECT_EQ(entry["top"][0]["id"], entry["id"]);
    EXPECT_EQ(entry["top"][0]["logprob"], entry["logprob"]);
    EXPECT_LT(entry["top"][1]["logprob"], entry["logprob"]);
  }
  EXPECT_EQ(json["logprobs"][0]["token"], "Vi");
  const ProcessResult text =
      RunTrinity({"run", "-p", "What is a violin?", "-n", "1", "--temp", "0", "--logprobs", "1"});
  EXPECT_EQ(text.out, "Vi\n");
  EXPECT_THAT(text.err, HasSubstr("\"Vi\" -0.000 | \"Vi\" -0.000"));
}

TEST(RunCommand, StatsTellWhatTheAnswerTook) {
  const std::vector<std::string> asking = {"run", "-p", "Hello", "-n", "5", "--temperature", "0"};
  std::vector<std::string> flags = asking;
  flags.emplace_back("--stats");
  const ProcessResult alone = RunTrinity(flags);
  EXPECT_THAT(alone.err, HasSubstr("peak memory"));
  EXPECT_THAT(alone.err, Not(HasSubstr("rank 0")));
  flags.insert(flags.end(), {"--ranks", "3"});
  const ProcessResult result = RunTrinity(flags);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, RunTrinity(asking).out);
  EXPECT_THAT(result.err, HasSubstr("rank 0 of 3, loading included:\n  sum              65 calls"));
  flags.back() = "2";
  flags.emplace_back("--json");
  const Json communication = Json::parse(RunTrinity(flags).out).at("communication");
  EXPECT_EQ(communication["ranks"], 2);
  // After the embeddings and twice a layer of a step; the prompt and each token but the last.
  EXPECT_EQ(communication["sum"]["calls"], 13 * 5);
}

}  // namespace
}  // namespace trinity
