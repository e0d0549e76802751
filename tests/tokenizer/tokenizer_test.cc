#include "tokenizer/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "base/random.h"
#include "base/utf8.h"
#include "tests/support/paths.h"
#include "tests/tokenizer/json_lines.h"

namespace trinity {
namespace {

using Ids = std::vector<int32_t>;

void ExpectGolden(const Tokenizer& tokenizer, const Json& golden) {
  const auto text = golden["text"].get<std::string>();
  SCOPED_TRACE(Printable(text));
  const auto ids = golden["ids"].get<Ids>();
  EXPECT_EQ(tokenizer.Encode(text, SpecialTokens::kLeaveOut), ids);
  EXPECT_EQ(tokenizer.Encode(text, SpecialTokens::kAdd), golden["ids_with_special"].get<Ids>());
  EXPECT_EQ(tokenizer.Decode(ids, DecodeSpecial::kKeep), golden["decoded"].get<std::string>());
  EXPECT_EQ(tokenizer.Decode(ids, DecodeSpecial::kSkip),
            golden["decoded_skip_special"].get<std::string>());
}

void ExpectGoldenFile(const Tokenizer& tokenizer, const std::string& path, size_t at_least) {
  const std::vector<Json> goldens = LoadJsonLines(path);
  EXPECT_GE(goldens.size(), at_least);
  for (const Json& golden : goldens) ExpectGolden(tokenizer, golden);
}

std::string LargeTokenizer(const std::string& name) {
  return SharedFolder() + "/tokenizers/Trinity-Large-" + name + ".tokenizer.json";
}

// The one test tokenizer of this program that takes time to load.
const Tokenizer& Pico() {
  static const Tokenizer tokenizer = Tokenizer::Load(PicoFolder());
  return tokenizer;
}

std::string RandomBytes(uint64_t index, size_t most) {
  std::string bytes;
  const auto size = static_cast<size_t>(UniformAt(11, index, 0) * static_cast<double>(most));
  for (size_t i = 0; i < size; ++i) {
    bytes.push_back(static_cast<char>(RandomBits(12, index, i)[0] & 0xFF));
  }
  return bytes;
}

TEST(Tokenizer, AgreesWithHuggingFaceOnPico) {
  ExpectGoldenFile(Pico(), TestData("tokenizer/pico.jsonl"), 500);
}

TEST(Tokenizer, EncodesThePicoPromptsAsTheModelWasTrained) {
  for (const Json& line : LoadJsonLines(TestData("tokenizer/pico_prompts.jsonl"))) {
    const auto prompt = line["prompt"].get<std::string>();
    EXPECT_EQ(Pico().Encode(prompt, SpecialTokens::kLeaveOut), line["prompt_ids"].get<Ids>());
  }
}

TEST(Tokenizer, AgreesWithHuggingFaceOnEveryOptionThatItTakes) {
  for (const Json& line : LoadJsonLines(TestData("tokenizer/variants.jsonl"))) {
    SCOPED_TRACE(line["name"].get<std::string>());
    const TemporaryFolder folder;
    std::ofstream(folder / "tokenizer.json") << line["tokenizer"].dump();
    const Tokenizer tokenizer = Tokenizer::Load(folder.path());
    for (const Json& golden : line["goldens"]) ExpectGolden(tokenizer, golden);
  }
}

TEST(LargeTokenizer, BaseAgreesWithEveryGolden) {
  if (!std::filesystem::exists(LargeTokenizer("Base"))) GTEST_SKIP() << "no shared tokenizers";
  ExpectGoldenFile(Tokenizer::Load(LargeTokenizer("Base")),
                   SharedFolder() + "/goldens/tokenizer-Large-Base.jsonl", 961);
}

TEST(LargeTokenizer, ThinkingAgreesWithEveryGolden) {
  if (!std::filesystem::exists(LargeTokenizer("Thinking"))) GTEST_SKIP() << "no shared tokenizers";
  ExpectGoldenFile(Tokenizer::Load(LargeTokenizer("Thinking")),
                   SharedFolder() + "/goldens/tokenizer-Large-Thinking.jsonl", 961);
}

TEST(LargeTokenizer, GivesTheKnownIdsForEachKindOfText) {
  if (!std::filesystem::exists(LargeTokenizer("Base"))) GTEST_SKIP() << "no shared tokenizers";
  const Tokenizer tokenizer = Tokenizer::Load(LargeTokenizer("Base"));
  EXPECT_EQ(tokenizer.num_tokens(), 200000);
  EXPECT_EQ(tokenizer.num_merges(), 199712);
  const std::vector<Json> table = LoadJsonLines(TestData("tokenizer/large_table.jsonl"));
  EXPECT_EQ(table.size(), 38u);
  for (const Json& line : table) {
    const auto text = line["text"].get<std::string>();
    EXPECT_EQ(tokenizer.Encode(text, SpecialTokens::kLeaveOut), line["ids"].get<Ids>()) << text;
  }
  EXPECT_EQ(tokenizer.Encode("Hello!", SpecialTokens::kAdd), (Ids{0, 14795, 32}));
}

TEST(Tokenizer, CutsDigitRunsFromTheRightInThrees) {
  std::string digits;
  for (size_t n = 1; n <= 2100; ++n) {
    digits.push_back(static_cast<char>('1' + n % 9));
    Ids expected;
    for (size_t at = 0; at < n; at += (at == 0 && n % 3 != 0) ? n % 3 : 3) {
      const size_t length = (at == 0 && n % 3 != 0) ? n % 3 : 3;
      const Ids piece = Pico().Encode(digits.substr(at, length), SpecialTokens::kLeaveOut);
      expected.insert(expected.end(), piece.begin(), piece.end());
    }
    ASSERT_EQ(Pico().Encode(digits, SpecialTokens::kLeaveOut), expected) << n;
  }
}

TEST(Tokenizer, RoundTripsValidUtf8AndRepairsTheRest) {
  for (uint64_t i = 0; i < 2000; ++i) {
    const std::string bytes = RandomBytes(i, 60);
    const Ids ids = Pico().Encode(bytes, SpecialTokens::kLeaveOut);
    EXPECT_EQ(Pico().Decode(ids, DecodeSpecial::kKeep), ToValidUtf8(bytes)) << Printable(bytes);
  }
  std::string all;
  for (char32_t c = 0; c < 0x110000; c += 37) {
    if (c < 0xD800 || c > 0xDFFF) AppendUtf8(c, all);
  }
  EXPECT_EQ(Pico().Decode(Pico().Encode(all, SpecialTokens::kLeaveOut), DecodeSpecial::kKeep), all);
}

TEST(Tokenizer, DecodesOneReplacementCharacterForEachInvalidPart) {
  const auto id_of_byte = [](char byte) {
    for (int32_t id = 0; id < 4064; ++id) {
      if (Pico().BytesOf(id) == std::string_view(&byte, 1)) return id;
    }
    return -1;
  };
  const Ids cut = {id_of_byte('\xe4'), id_of_byte('\xb8'), id_of_byte('a')};
  EXPECT_EQ(Pico().Decode(cut, DecodeSpecial::kKeep), "\uFFFDa");
  const Ids wrong = {id_of_byte('\xff'), id_of_byte('\xff')};
  EXPECT_EQ(Pico().Decode(wrong, DecodeSpecial::kKeep), "\uFFFD\uFFFD");
}

TEST(Tokenizer, IdsWithoutATokenDecodeToNothing) {
  const Ids ids = {-1, 4064, 4095, 1 << 30, 65};
  EXPECT_EQ(Pico().Decode(ids, DecodeSpecial::kKeep), Pico().BytesOf(65));
  EXPECT_FALSE(Pico().IsSpecial(-1));
  EXPECT_FALSE(Pico().IsSpecial(1 << 30));
}

TEST(Tokenizer, PlainTextHoldsNoAddedTokens) {
  const std::string text = "<|im_end|>";
  EXPECT_EQ(Pico().Encode(text, SpecialTokens::kLeaveOut), Ids{3});
  const Ids plain = Pico().Encode(text, SpecialTokens::kLeaveOut, AddedTokensInText::kPlain);
  EXPECT_GT(plain.size(), 1u);
  EXPECT_EQ(Pico().Decode(plain, DecodeSpecial::kSkip), text);
}

TEST(Tokenizer, NamesWhatItHolds) {
  EXPECT_EQ(Pico().num_tokens(), 4064);
  EXPECT_EQ(Pico().num_merges(), 3776);
  EXPECT_THAT(
      Pico().pre_tokenizer_steps(),
      testing::ElementsAre("Digits", "Split", "Split", "Split", "Split", "Split", "ByteLevel"));
  EXPECT_EQ(Pico().added_tokens().size(), 32u);
  EXPECT_EQ(Pico().FindToken("<|im_end|>"), 3);
  EXPECT_EQ(Pico().FindToken("\u0120"), 252);
  EXPECT_EQ(Pico().BytesOf(252), " ");
  EXPECT_EQ(Pico().FindToken("no such token"), std::nullopt);
  EXPECT_TRUE(Pico().IsSpecial(3));
  EXPECT_FALSE(Pico().IsSpecial(13));  // <think> survives the skipping of special tokens
}

TEST(Tokenizer, NeedsNothingButTokenizerJson) {
  const TemporaryFolder folder;
  std::filesystem::copy(PicoFolder() + "/tokenizer.json", folder / "tokenizer.json");
  const Tokenizer by_folder = Tokenizer::Load(folder.path());
  const Tokenizer by_file = Tokenizer::Load(folder / "tokenizer.json");
  EXPECT_EQ(by_folder.Encode("one", SpecialTokens::kAdd),
            by_file.Encode("one", SpecialTokens::kAdd));
}

TEST(Tokenizer, GivesTheSameIdsFromManyThreads) {
  const Tokenizer fresh = Tokenizer::Load(PicoFolder());
  const std::string text = "The capital of France is Paris, and 12345 is a number. \u4e00\u4e8c\n";
  const Ids expected = Pico().Encode(text, SpecialTokens::kAdd);
  std::vector<Ids> found(4);
  std::vector<std::thread> threads;
  for (Ids& ids : found) {
    threads.emplace_back([&] { ids = fresh.Encode(text, SpecialTokens::kAdd); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Ids& ids : found) EXPECT_EQ(ids, expected);
}

TEST(Tokenizer, LongRunsOfOneCharacterAreNoSpecialCase) {
  for (const char* unit : {"a", " ", "1", "\n", "!", "\u4e00", "<"}) {
    std::string text;
    for (int i = 0; i < 100000; ++i) text += unit;
    const Ids ids = Pico().Encode(text, SpecialTokens::kLeaveOut);
    EXPECT_EQ(Pico().Decode(ids, DecodeSpecial::kKeep), text);
  }
}

}  // namespace
}  // namespace trinity
