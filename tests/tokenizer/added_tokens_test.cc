#include "tokenizer/added_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace trinity {
namespace {

using testing::ElementsAre;

// Plain text as it is, tokens in angle brackets.
std::vector<std::string> PartsOf(std::vector<AddedToken> tokens, std::string_view text) {
  const AddedTokens added(std::move(tokens));
  std::vector<std::string> parts;
  for (const AddedTokens::Part& part : added.Split(text)) {
    parts.push_back(part.token == nullptr ? std::string(part.text)
                                          : "<" + part.token->content + ">");
  }
  return parts;
}

TEST(AddedTokens, TheLongestOfTheLeftmostIsTaken) {
  const std::vector<AddedToken> tokens = {{1, "ab"}, {2, "abcd"}, {3, "bcde"}, {4, "c"}};
  EXPECT_THAT(PartsOf(tokens, "xabcdey"), ElementsAre("x", "<abcd>", "ey"));
  EXPECT_THAT(PartsOf(tokens, "abce"), ElementsAre("<ab>", "<c>", "e"));
  EXPECT_THAT(PartsOf(tokens, "bcdabc"), ElementsAre("b", "<c>", "d", "<ab>", "<c>"));
  EXPECT_THAT(PartsOf(tokens, ""), ElementsAre());
}

TEST(AddedTokens, NormalizedOnesAreLookedForInWhatTheOthersLeave) {
  const std::vector<AddedToken> tokens = {{.id = 1, .content = "abc", .normalized = true},
                                          {.id = 2, .content = "bc"}};
  EXPECT_THAT(PartsOf(tokens, "abc"), ElementsAre("a", "<bc>"));
}

TEST(AddedTokens, SwallowWhiteSpaceOnTheSideThatTheySay) {
  const std::vector<AddedToken> tokens = {{.id = 1, .content = "L", .lstrip = true},
                                          {.id = 2, .content = "R", .rstrip = true}};
  EXPECT_THAT(PartsOf(tokens, "a \u3000L b"), ElementsAre("a", "<L>", " b"));
  EXPECT_THAT(PartsOf(tokens, "a R\n\u00a0b"), ElementsAre("a ", "<R>", "b"));
  EXPECT_THAT(PartsOf(tokens, "R  L"), ElementsAre("<R>", "<L>"));
}

}  // namespace
}  // namespace trinity
