#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "base/file.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/end_to_end/served_pico.h"
#include "tests/support/golden.h"
#include "tokenizer/tokenizer.h"

namespace trinity {
namespace {

const std::string& Documents() {
  static const std::string path = TestData("lm_eval/texts.jsonl");
  return path;
}

const ServedPico& Pico() {
  static const ServedPico server({});
  return server;
}

// Each text after the token that begins texts.
std::vector<std::vector<int32_t>> TokenPrompts() {
  const Tokenizer tokenizer = Tokenizer::Load(PicoFolder());
  std::vector<std::vector<int32_t>> prompts;
  std::ifstream file(Documents());
  for (std::string line; std::getline(file, line);) {
    const std::string text = Json::parse(line)["text"];
    prompts.push_back({*tokenizer.FindToken("<|begin_of_text|>")});
    const std::vector<int32_t> ids = tokenizer.Encode(text, SpecialTokens::kLeaveOut);
    prompts.back().insert(prompts.back().end(), ids.begin(), ids.end());
  }
  return prompts;
}

// What lm-eval's local-completions sends.
Json RequestOf(const std::vector<std::vector<int32_t>>& prompts) {
  return {{"model", "trinity-pico"}, {"prompt", prompts}, {"temperature", 0}, {"max_tokens", 1},
          {"logprobs", 1},           {"seed", 1234},      {"echo", true}};
}

// How it reads the answer: the entries of the prompt but the first, without that of the answer.
double LikelihoodIn(const Json& choice) {
  double sum = 0;
  const Json& entries = choice["logprobs"]["token_logprobs"];
  for (size_t i = 1; i + 1 < entries.size(); ++i) sum += entries[i].get<double>();
  return sum;
}

Json Asked(const Json& body) {
  const RawHttpResponse response = Pico().Post("/v1/completions", body);
  EXPECT_EQ(response.status, 200) << response.body;
  return Json::parse(response.body)["choices"];
}

Json Measured(const std::string& compute) {
  const ProcessResult result =
      RunTrinity({"perplexity", Documents(), "--documents", "--json", "--compute", compute});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return ParseJson(result.out, "stdout")["documents"];
}

TEST(ServeScoring, LikelihoodsAreThoseOfThePerplexityCommandToTheBit) {
  const std::vector<std::vector<int32_t>> prompts = TokenPrompts();
  const Json measured = Measured("auto");
  ASSERT_EQ(measured.size(), prompts.size());
  const Json together = Asked(RequestOf(prompts));
  for (size_t i = 0; i < prompts.size(); ++i) {
    const Json alone = Asked(RequestOf({prompts[i]}));
    EXPECT_EQ(measured[i]["tokens"], prompts[i].size() - 1);
    EXPECT_EQ(LikelihoodIn(alone[0]), measured[i]["log_likelihood"]);
    EXPECT_EQ(LikelihoodIn(together[i]), measured[i]["log_likelihood"]);
  }
}

TEST(ServeScoring, TheTokenAfterATextHasItsEntryAlsoWhereItEndsTheAnswer) {
  const std::vector<std::vector<int32_t>> prompts = TokenPrompts();
  const Json choices = Asked(RequestOf(prompts));
  int num_stopped = 0;
  for (size_t i = 0; i < prompts.size(); ++i) {
    const Json& logprobs = choices[i]["logprobs"];
    for (const char* key : {"tokens", "token_logprobs", "top_logprobs", "text_offset"}) {
      EXPECT_EQ(logprobs[key].size(), prompts[i].size() + 1) << key;
    }
    if (choices[i]["finish_reason"] != "stop") continue;
    ++num_stopped;
    EXPECT_EQ(logprobs["tokens"].back(), "<|im_end|>");
  }
  EXPECT_GE(num_stopped, 1);
}

TEST(ServeScoring, TheLikeliestTokenHasTheValueOfTheTokenThatIsIt) {
  const std::vector<int32_t> prompt = TokenPrompts()[0];
  Json body = RequestOf({prompt});
  body["max_tokens"] = 8;
  const Json logprobs = Asked(body)[0]["logprobs"];
  ASSERT_GT(logprobs["tokens"].size(), prompt.size());
  for (size_t i = prompt.size(); i < logprobs["tokens"].size(); ++i) {
    EXPECT_EQ(logprobs["token_logprobs"][i], logprobs["top_logprobs"][i].front());
  }
}

}  // namespace
}  // namespace trinity
