#include "tokenizer/generation_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

GenerationConfig LoadText(const std::string& json) {
  const TemporaryFolder folder;
  std::ofstream(folder / "generation_config.json") << json;
  return GenerationConfig::Load(folder.path());
}

TEST(GenerationConfig, ReadsWhatTheBundledCheckpointSays) {
  const GenerationConfig config = GenerationConfig::Load(PicoFolder());
  EXPECT_THAT(config.eos_token_ids, ElementsAre(1, 3));
  EXPECT_EQ(config.bos_token_id, 0);
  EXPECT_EQ(config.pad_token_id, 12);
  EXPECT_EQ(config.do_sample, true);
  EXPECT_EQ(config.temperature, 0.3);
  EXPECT_EQ(config.top_k, 50);
  EXPECT_EQ(config.top_p, 0.9);
  EXPECT_EQ(config.min_p, 0.05);
  EXPECT_EQ(config.max_new_tokens, std::nullopt);
}

TEST(GenerationConfig, IsEmptyWithoutTheFile) {
  const TemporaryFolder folder;
  EXPECT_TRUE(GenerationConfig::Load(folder.path()).eos_token_ids.empty());
}

TEST(GenerationConfig, TakesOneEosIdOrSeveralAndIgnoresNulls) {
  EXPECT_THAT(LoadText(R"({"eos_token_id":3,"temperature":null})").eos_token_ids, ElementsAre(3));
  EXPECT_THAT(LoadText(R"({"eos_token_id":[3,1,3]})").eos_token_ids, ElementsAre(3, 1));
  EXPECT_EQ(LoadText(R"({"temperature":null})").temperature, std::nullopt);
}

TEST(GenerationConfig, RefusesWrongKindsAndRangesByFileKeyAndValue) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"eos_token_id":"3"})", "eos_token_id: expected an id"},
      {R"({"eos_token_id":[1,-3]})", "found -3"},
      {R"({"eos_token_id":[1,[3]]})", "found [3]"},
      {R"({"eos_token_id":2147483647})", "found 2147483647"},
      {R"({"bos_token_id":1.5})", "bos_token_id: expected an id"},
      {R"({"pad_token_id":18446744073709551615})", "found 18446744073709551615"},
      {R"({"do_sample":1})", "do_sample: expected true or false, found 1"},
      {R"({"temperature":-0.1})", "temperature: expected a number from 0 on, found -0.1"},
      {R"({"temperature":"hot"})", "found \"hot\""},
      {R"({"top_k":-1})", "top_k: expected an integer from 0 on, found -1"},
      {R"({"top_k":2.5})", "found 2.5"},
      {R"({"top_k":9223372036854775808})", "found 9223372036854775808"},
      {R"({"top_p":0})", "top_p: expected a number above 0, at most 1, found 0"},
      {R"({"top_p":1.01})", "found 1.01"},
      {R"({"min_p":-1})", "min_p: expected a number of 0 to 1"},
      {R"({"typical_p":0.0})", "typical_p"},
      {R"({"repetition_penalty":0})", "repetition_penalty: expected a number above 0"},
      {R"({"max_new_tokens":0})", "max_new_tokens: expected an integer from 1 on"},
      {R"({"temperature":1e999})", "generation_config.json"},
      {R"([])", "expected an object, found []"},
      {R"({"top_k":1,"top_k":2})", "\"top_k\" twice"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT([&test] { LoadText(test.first); },
                ThrowsMessage<Error>(
                    testing::AllOf(HasSubstr("generation_config.json"), HasSubstr(test.second))))
        << test.first;
  }
}

}  // namespace
}  // namespace trinity
