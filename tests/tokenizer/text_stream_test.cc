#include "tokenizer/text_stream.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/utf8.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

const Tokenizer& Pico() {
  static const Tokenizer tokenizer = Tokenizer::Load(PicoFolder());
  return tokenizer;
}

TEST(TextStream, HoldsBackTheBeginningOfACharacter) {
  const std::vector<int32_t> ids = Pico().Encode("\U0001F642", SpecialTokens::kLeaveOut);
  ASSERT_GT(ids.size(), 1u);
  TextStream stream(Pico(), DecodeSpecial::kKeep);
  for (size_t i = 0; i + 1 < ids.size(); ++i) EXPECT_EQ(stream.Append(ids[i]), "");
  EXPECT_EQ(stream.Append(ids.back()), "\U0001F642");
  EXPECT_EQ(stream.Finish(), "");
}

TEST(TextStream, AnIncompleteCharacterBecomesOneReplacementAtTheEnd) {
  const std::vector<int32_t> ids = Pico().Encode("\U0001F642", SpecialTokens::kLeaveOut);
  TextStream stream(Pico(), DecodeSpecial::kKeep);
  EXPECT_EQ(stream.Append(ids[0]), "");
  EXPECT_EQ(stream.Finish(), "\uFFFD");
  EXPECT_EQ(stream.Finish(), "");
}

TEST(TextStream, LeavesOutSpecialTokensOnRequest) {
  TextStream skipping(Pico(), DecodeSpecial::kSkip);
  EXPECT_EQ(skipping.Append(3), "");
  EXPECT_EQ(skipping.Append(13), "<think>");
  TextStream keeping(Pico(), DecodeSpecial::kKeep);
  EXPECT_EQ(keeping.Append(3), "<|im_end|>");
}

TEST(TextStream, ReleasesWholeUtf8ThatAddsUpToTheDecodedText) {
  for (uint64_t run = 0; run < 300; ++run) {
    std::vector<int32_t> ids;
    TextStream stream(Pico(), DecodeSpecial::kKeep);
    std::string text;
    for (uint64_t i = 0; i < 40; ++i) {
      // Mostly single bytes, so that every kind of broken character occurs.
      const auto bits = RandomBits(5, run, i);
      ids.push_back(static_cast<int32_t>(bits[0] % 4 == 0 ? bits[1] % 4096 : 32 + bits[1] % 256));
      const std::string released = stream.Append(ids.back());
      EXPECT_TRUE(IsUtf8(released));
      text += released;
    }
    text += stream.Finish();
    EXPECT_EQ(text, Pico().Decode(ids, DecodeSpecial::kKeep));
  }
}

}  // namespace
}  // namespace trinity
