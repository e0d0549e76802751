#include "tokenizer/pre_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include "base/error.h"
#include "tests/support/paths.h"
#include "tests/tokenizer/json_lines.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/known_regexes.h"
#include "tokenizer/pre_tokenizer_json.h"

namespace trinity {
namespace {

using Pieces = std::vector<std::string>;

Pieces PiecesOf(const PreTokenizer& pre_tokenizer, std::string_view text) {
  Pieces pieces;
  pre_tokenizer.ForEachPiece(text, [&](std::string_view piece) { pieces.emplace_back(piece); });
  return pieces;
}

PreTokenizer Parse(const std::string& json) {
  simdjson::dom::parser parser;
  const simdjson::dom::element root = parser.parse(json);
  return PreTokenizer(ParsePreTokenizer(TokenizerField(root, "f:")));
}

std::vector<PreTokenizerStep> OneStep(PreTokenizerStep step) {
  std::vector<PreTokenizerStep> steps;
  steps.push_back(std::move(step));
  return steps;
}

std::vector<PreTokenizerStep> DigitRegexes() {
  std::vector<PreTokenizerStep> steps;
  for (const std::string_view pattern : kTrinityDigitRegexes) {
    steps.emplace_back(SplitStep{Regex(std::string(pattern), "test"), SplitRule{}});
  }
  return steps;
}

TEST(PreTokenizer, AgreesWithHuggingFaceOnEveryStepAndBehavior) {
  const std::vector<Json> lines = LoadJsonLines(TestData("tokenizer/pre_tokenizers.jsonl"));
  EXPECT_GE(lines.size(), 50u);
  for (const Json& line : lines) {
    const std::string description = line["pre_tokenizer"].dump();
    const PreTokenizer pre_tokenizer = Parse(description);
    for (size_t i = 0; i < line["texts"].size(); ++i) {
      const auto text = line["texts"][i].get<std::string>();
      Pieces expected;
      for (const Json& spelling : line["pieces"][i]) {
        EXPECT_TRUE(BytesOfSpelling(spelling.get<std::string>(), expected.emplace_back()));
      }
      EXPECT_EQ(PiecesOf(pre_tokenizer, text), expected) << description << "\n" << text;
    }
  }
}

// The three regexes after one another are what the native step stands for: a step between them
// that cuts nothing keeps them from being recognised.
TEST(PreTokenizer, NativeDigitTriplesEqualTheirRegexes) {
  std::vector<PreTokenizerStep> slow_steps = DigitRegexes();
  slow_steps.insert(slow_steps.begin() + 1, SplitStep{std::string("\x01"), SplitRule{}});
  const PreTokenizer fast(DigitRegexes());
  const PreTokenizer slow(std::move(slow_steps));
  std::string digits;
  for (int n = 1; n <= 2100; ++n) {
    digits += n % 7 == 0 ? "\u0663" : "5";
    if (n > 20 && n % 50 != 9 && (n % 510) > 4) continue;  // the slow one takes its time
    ASSERT_EQ(PiecesOf(fast, digits), PiecesOf(slow, digits)) << n;
    const std::string among = "a" + digits + "\u00b2 \n" + digits + "x1\n22-4444 ";
    ASSERT_EQ(PiecesOf(fast, among), PiecesOf(slow, among)) << n;
  }
}

TEST(PreTokenizer, DigitTriplesTakeLinearTime) {
  const std::string digits(3'000'001, '7');
  const Pieces pieces = PiecesOf(PreTokenizer(DigitRegexes()), digits);
  EXPECT_EQ(pieces.size(), 1'000'001u);
  EXPECT_EQ(pieces.front(), "7");
}

TEST(PreTokenizer, KnowsTheDigitsOfItsOwnUnicodeVersion) {
  const PreTokenizer digits(OneStep(DigitsStep{}));
  EXPECT_EQ(PiecesOf(digits, "a\U00011DE0b").size(), 3u);  // Nd since Unicode 17
  const PreTokenizer letters(OneStep(SplitStep{Regex(R"(\p{L}+)", "test"), SplitRule{}}));
  EXPECT_EQ(PiecesOf(letters, "1\U00010D4A2").size(), 3u);  // Lo since Unicode 16
  EXPECT_EQ(PiecesOf(letters, "1\U00016EA02").size(), 1u);  // Lu since Unicode 17
}

// What takes linear time is known by its exact text.
TEST(PreTokenizer, KnowsTheRegexesOfTheBundledTokenizer) {
  const Json json = LoadJson(PicoFolder() + "/tokenizer.json");
  const Json& steps = json["pre_tokenizer"]["pretokenizers"];
  for (size_t i = 0; i < kTrinityDigitRegexes.size(); ++i) {
    EXPECT_EQ(steps[1 + i]["pattern"]["Regex"].get<std::string>(), kTrinityDigitRegexes[i]);
  }
  EXPECT_TRUE(IsKnownRegex(steps[4]["pattern"]["Regex"].get<std::string>()));
  EXPECT_TRUE(IsKnownRegex(steps[5]["pattern"]["Regex"].get<std::string>()));
}

TEST(PreTokenizer, RefusesAStepThatItDoesNotKnowByName) {
  for (const char* type : {"Whitespace", "Metaspace", "Punctuation", "UnicodeScripts"}) {
    EXPECT_THAT([&] { Parse(fmt::format(R"({{"type":"{}"}})", type)); },
                testing::ThrowsMessage<Error>(
                    testing::AllOf(testing::HasSubstr("f: type"), testing::HasSubstr(type))));
  }
}

TEST(PreTokenizer, RefusesStepsAfterByteLevelAndSequencesWithoutIt) {
  EXPECT_THAT(
      [] {
        Parse(R"({"type":"Sequence","pretokenizers":[{"type":"ByteLevel"},{"type":"Digits"}]})");
      },
      testing::ThrowsMessage<Error>(testing::HasSubstr("no step after ByteLevel")));
  EXPECT_THAT([] { Parse(R"({"type":"Digits"})"); },
              testing::ThrowsMessage<Error>(testing::HasSubstr("ByteLevel as the last step")));
}

}  // namespace
}  // namespace trinity
