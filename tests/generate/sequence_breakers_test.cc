#include "generate/sequence_breakers.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;

const Tokenizer& Pico() {
  static const Tokenizer tokenizer = Tokenizer::Load(PicoFolder());
  return tokenizer;
}

std::vector<std::vector<int32_t>> BreakersOf(const std::vector<std::string>& texts) {
  return FindSequenceBreakers(Pico(), texts);
}

TEST(SequenceBreakers, AreAllTokensThatHoldTheText) {
  const std::vector<std::vector<int32_t>> breakers = BreakersOf({"\n"});
  size_t num_holding = 0;
  for (int32_t id = 0; id < Pico().num_tokens(); ++id) {
    if (Pico().BytesOf(id).find('\n') == std::string_view::npos) continue;
    ++num_holding;
    EXPECT_THAT(breakers, Contains(ElementsAre(id)));
  }
  EXPECT_GT(num_holding, 0);
  EXPECT_EQ(breakers.size(), num_holding);
}

TEST(SequenceBreakers, MayBeginAtTheEndOfAToken) {
  const std::vector<std::vector<int32_t>> breakers = BreakersOf({":\n"});
  const int32_t colon = Pico().Encode(":", SpecialTokens::kLeaveOut).at(0);
  const int32_t newline = Pico().Encode("\n", SpecialTokens::kLeaveOut).at(0);
  EXPECT_THAT(breakers, Contains(ElementsAre(colon, newline)));
  EXPECT_THAT(breakers, Not(Contains(ElementsAre(colon))));
}

TEST(SequenceBreakers, OfADefaultKindAreFound) {
  EXPECT_GT(FindSequenceBreakers(Pico(), DefaultSequenceBreakers()).size(), 4);
}

TEST(SequenceBreakers, EmptyAndLongTextsAreRefused) {
  EXPECT_THROW(BreakersOf({""}), Error);
  EXPECT_THROW(BreakersOf({std::string(41, 'x')}), Error);
  EXPECT_THROW(BreakersOf(std::vector<std::string>(65, "x")), Error);
}

}  // namespace
}  // namespace trinity
