#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/support/golden.h"

namespace trinity {
namespace {

using testing::HasSubstr;

// A part of the held-out text.
std::string ShortText(const TemporaryFolder& folder) {
  std::ofstream(folder / "text.txt") << ReadTextFile(TestData("pico/text.txt")).substr(0, 4000);
  return folder / "text.txt";
}

Json Measure(const std::vector<std::string>& rest) {
  std::vector<std::string> arguments = {"perplexity"};
  arguments.insert(arguments.end(), rest.begin(), rest.end());
  arguments.emplace_back("--json");
  const ProcessResult result = RunTrinity(arguments);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return ParseJson(result.out, "stdout");
}

TEST(PerplexityCommand, AgreesWithTransformersOnHeldOutText) {
  const Json golden = LoadJson(TestData("pico/perplexity.json"));
  const Json json = Measure({PicoFolder(), TestData("pico/text.txt"), "--compute", "f32"});
  EXPECT_EQ(json["tokens_scored"], golden["tokens_scored"]);
  EXPECT_NEAR(json["mean_nll"], golden["mean_nll"], 1e-5);
  EXPECT_NEAR(json["perplexity"], golden["perplexity"], 1e-5);
}

TEST(PerplexityCommand, ScoresTheTextsOfAFileEachByItself) {
  const TemporaryFolder folder;
  const auto documents = [&](const std::string& lines) {
    std::ofstream(folder / "texts.jsonl") << lines;
    return Measure({PicoFolder(), folder / "texts.jsonl", "--documents"});
  };
  const std::string a = R"({"text": "A violin has four strings.", "id": 1})";
  const std::string b = R"({"text": "Once upon a time"})";
  const Json both = documents(a + "\n\n" + b);
  ASSERT_EQ(both["documents"].size(), 2);
  EXPECT_EQ(both["documents"][0], documents(a)["documents"][0]);
  EXPECT_EQ(both["documents"][1], documents(b + "\r\n")["documents"][0]);
  const double sum = both["log_likelihood"];
  EXPECT_EQ(sum, both["documents"][0]["log_likelihood"].get<double>() +
                     both["documents"][1]["log_likelihood"].get<double>());
  EXPECT_NEAR(both["perplexity"], std::exp(-sum / both["tokens_scored"].get<double>()), 1e-9);
}

TEST(PerplexityCommand, RefusesLinesWithoutAText) {
  const TemporaryFolder folder;
  for (const auto& [lines, expected] : std::vector<std::pair<std::string, std::string>>{
           {"{\"text\": \"a\"}\n{\"text\": 5}", "line 2: expected an object with a string"},
           {"[]", "line 1: expected an object with a string"},
           {"{\"text\": ", "line 1"},
           {"\n", "expected a JSON object a line, found none"}}) {
    std::ofstream(folder / "texts.jsonl") << lines;
    const ProcessResult result =
        RunTrinity({"perplexity", PicoFolder(), folder / "texts.jsonl", "--documents"});
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_THAT(result.err, HasSubstr(expected));
  }
  EXPECT_EQ(
      RunTrinity({"perplexity", folder / "texts.jsonl", "--documents", "--kl", "x"}).exit_code, 2);
}

TEST(PerplexityCommand, ComparedWithItselfDoesNotDiffer) {
  const TemporaryFolder folder;
  const std::string text = ShortText(folder), saved = folder / "logits.safetensors";
  const Json first =
      Measure({PicoFolder(), text, "--context", "64", "--compute", "f32", "--save-logits", saved});
  const Json again = Measure({text, "--context", "64", "--compute", "f32", "--kl", saved});
  EXPECT_EQ(again["perplexity"], first["perplexity"]);
  EXPECT_EQ(again["reference_perplexity"], first["perplexity"]);
  EXPECT_NEAR(again["mean_kl"], 0, 1e-12);
  EXPECT_EQ(again["same_top_1"].get<double>(), 1.0);
  EXPECT_EQ(again["rms_change"], 0);
}

TEST(PerplexityCommand, SavesTheLogitsThatTheLogitsCommandGives) {
  const TemporaryFolder folder;
  const std::string text = ShortText(folder), saved = folder / "saved.safetensors";
  Measure({PicoFolder(), text, "--context", "32", "--compute", "f32", "--save-logits", saved});
  const Checkpoint file = Checkpoint::Open(saved);
  const std::vector<int32_t> ids = ReadTensor<int32_t>(file, "input_ids");
  std::string first_window;
  for (int i = 0; i < 31; ++i) first_window += (i > 0 ? "," : "") + std::to_string(ids[i]);
  ASSERT_EQ(RunTrinity({"logits", PicoFolder(), "--ids", first_window, "--out",
                        folder / "logits.safetensors"})
                .exit_code,
            0);
  const auto logits = ReadTensor<float>(Checkpoint::Open(folder / "logits.safetensors"), "logits");
  const auto all = ReadTensor<float>(file, "logits");
  ASSERT_EQ(logits.size(), 31u * 4096);
  EXPECT_TRUE(std::equal(logits.begin(), logits.end(), all.begin()));
}

TEST(PerplexityCommand, QuantizedWeightsAreNearTheFullOnes) {
  const TemporaryFolder folder;
  const std::string text = ShortText(folder), saved = folder / "logits.safetensors";
  Measure({PicoFolder(), text, "--context", "64", "--compute", "f32", "--save-logits", saved});
  const auto compare = [&](const std::string& type) {
    const std::string path = folder / (type + ".gguf");
    EXPECT_EQ(RunTrinity({"quantize", PicoFolder(), path, "--type", type}).exit_code, 0);
    return Measure({path, text, "--context", "64", "--compute", "f32", "--kl", saved});
  };
  const Json eight = compare("q8_0"), four = compare("q4_0");
  EXPECT_GT(eight["mean_kl"], 0);
  EXPECT_LT(eight["mean_kl"], 1e-3);
  EXPECT_GT(eight["same_top_1"], 0.99);
  EXPECT_GT(four["mean_kl"], eight["mean_kl"].get<double>() * 10);
  EXPECT_LT(four["mean_kl"], 0.1);
}

TEST(PerplexityCommand, RefusesLogitsOfAnotherText) {
  const TemporaryFolder folder;
  const std::string text = ShortText(folder), saved = folder / "logits.safetensors";
  Measure({PicoFolder(), text, "--context", "64", "--save-logits", saved});
  std::ofstream(text) << "Something else" << std::string(2000, 'x');
  const ProcessResult result =
      RunTrinity({"perplexity", PicoFolder(), text, "--context", "64", "--kl", saved});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("is of another text, context or tokenizer"));
  const ProcessResult golden = RunTrinity(
      {"perplexity", PicoFolder(), text, "--kl", TestData("goldens/pico/golden.safetensors")});
  EXPECT_THAT(golden.err, HasSubstr("as --save-logits writes them"));
}

TEST(PerplexityCommand, RefusesATextThatFillsNoWindow) {
  const TemporaryFolder folder;
  std::ofstream(folder / "text.txt") << "Too short";
  const ProcessResult result = RunTrinity(
      {"perplexity", PicoFolder(), folder / "text.txt", "--save-logits", folder / "l.safetensors"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("expected at least 512 tokens"));
  EXPECT_FALSE(std::filesystem::exists(folder / "l.safetensors"));
}

}  // namespace
}  // namespace trinity
