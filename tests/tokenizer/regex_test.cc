#include "tokenizer/regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tokenizer/regex_safety.h"

namespace trinity {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;
using Spans = std::vector<std::pair<size_t, size_t>>;

Spans MatchesOf(const std::string& pattern, std::string_view text, const RegexLimits& limits = {}) {
  const Regex regex(pattern, "test");
  RegexSearch search(text.size(), limits);
  Spans spans;
  search.ForEachMatch(regex, text, [&](size_t begin, size_t end) {
    spans.push_back({begin, end});
  });
  return spans;
}

TEST(Regex, FindsMatchesFromLeftToRight) {
  EXPECT_EQ(MatchesOf("b+", "abbcb"), (Spans{{1, 3}, {4, 5}}));
  EXPECT_EQ(MatchesOf("\\Ga", "aaba"), (Spans{{0, 1}, {1, 2}}));
  EXPECT_EQ(MatchesOf("\\Aa", "aa"), (Spans{{0, 1}}));
}

TEST(Regex, PassesOverAnEmptyMatchWhereTheLastOneEnded) {
  EXPECT_EQ(MatchesOf("a*", "aab\u00e9"), (Spans{{0, 2}, {3, 3}, {5, 5}}));
}

TEST(Regex, FindsTheSameInPiecesThatAreLong) {
  RegexLimits all_are_long;
  all_are_long.long_piece_bytes = 0;
  const std::string text = "two  words, \u4e00\u4e8c 3.14\n\n  x\u00e9";
  for (const char* pattern : {R"(\s*[\r\n]+|\s+(?!\S)|\s+)", "a*", "$", R"(\p{L}+|\d)", R"(\Atw)",
                              R"((?<=o)r|x(?=\P{Nd}))", "no"}) {
    EXPECT_EQ(MatchesOf(pattern, text, all_are_long), MatchesOf(pattern, text)) << pattern;
  }
}

TEST(Regex, KnowsTheCategoriesOfUnicode16) {
  EXPECT_EQ(MatchesOf("\\p{Lo}", "\U00010D4A"), (Spans{{0, 4}}));
  EXPECT_EQ(MatchesOf("[^\\p{L}]", "\U00010D4A"), Spans{});
  EXPECT_EQ(MatchesOf("[\\p{Nd}]", "\U00010D40"), (Spans{{0, 4}}));
  EXPECT_EQ(MatchesOf("\\P{N}", "\U0001CCF0"), Spans{});
}

TEST(Regex, OneThatDoesNotCompileIsRefusedWithPlaceAndReason) {
  for (const char* pattern : {"(", "[a", "*", "\\p{Nope}", "(?<n", "[z-a]"}) {
    EXPECT_THAT([&] { Regex(pattern, "file: place"); },
                ThrowsMessage<Error>(
                    testing::AllOf(HasSubstr("file: place"), HasSubstr("does not compile"))))
        << pattern;
  }
}

TEST(Regex, ConstructsOfUnboundedCostAreRefusedByName) {
  const std::pair<const char*, const char*> cases[] = {
      {"(a)\\1", "a backreference"},
      {"(?<n>a)\\k<n>", "a backreference"},
      {"(?<n>a\\g<n>?)", "a subexpression call"},
      {"(?~abc)", "an absent group"},
      {"(a)?(?(1)b|c)", "a conditional group"},
      {"(?{foo})", "a callout"},
      {"(*FAIL)", "a callout"},
      {"(?:.(?=.*))+", "inside a repeated group"},
      {"(?:(?>.*)x|.)*", "inside a repeated group"},
      {"(?:a*+b|.)+", "inside a repeated group"},
  };
  for (const auto& test : cases) {
    EXPECT_THAT([&test] { Regex(test.first, "f"); }, ThrowsMessage<Error>(HasSubstr(test.second)));
  }
  EXPECT_THAT([] { Regex(std::string(101, '(') + std::string(101, ')'), "f"); },
              ThrowsMessage<Error>(HasSubstr("nested too deep")));
  EXPECT_THAT([] { Regex(std::string(20000, 'a'), "f"); },
              ThrowsMessage<Error>(HasSubstr("at most 16384 bytes")));
}

TEST(Regex, BracesAndClassesAreNotTakenForGroups) {
  EXPECT_FALSE(InspectRegex(R"((?:[(?>*+)]+\p{L}{1,3}\x{41}+(?!\S)\(\?>)+)").refused.has_value());
  EXPECT_FALSE(InspectRegex(R"((?:a(?=b)|c)+)").refused.has_value());
  EXPECT_FALSE(InspectRegex(R"(\d{1,3}(?=(?:\d{3})*\b)|\s++$)").refused.has_value());
  EXPECT_FALSE(InspectRegex(R"([^\\G]a)").uses_search_start);
  EXPECT_TRUE(InspectRegex(R"(\Ga)").uses_search_start);
}

TEST(Regex, ExponentialBacktrackingEndsInAnError) {
  EXPECT_THAT([&] { MatchesOf("(?:a|a)*(?:a|a)*b|(a+)+$b", std::string(40, 'a')); },
              ThrowsMessage<Error>(HasSubstr("takes too much on a text of 40 bytes")));
}

// Oniguruma reads the whole text at each place and counts no retry.
TEST(Regex, QuadraticReadingEndsInAnError) {
  RegexLimits limits;
  limits.cpu_seconds = 0.05;
  limits.cpu_seconds_per_byte = 0.0;
  limits.long_piece_bytes = 1000;
  for (const char* pattern : {"a(?=.*b)", "a(?>.*)c", "[a-z]+1", "a.*c"}) {
    EXPECT_THAT([&] { MatchesOf(pattern, std::string(100000, 'a') + "b", limits); },
                ThrowsMessage<Error>(HasSubstr("takes too ")))
        << pattern;
  }
}

TEST(Regex, CubicReadingEndsInAnError) {
  RegexLimits limits;
  limits.retried_bytes = 10'000'000;
  EXPECT_THAT([&] { MatchesOf("a*[a-z]+1", std::string(20000, 'a'), limits); },
              ThrowsMessage<Error>(HasSubstr("takes too much")));
}

TEST(Regex, SearchStartInALongPieceIsRefused) {
  EXPECT_THAT([] { MatchesOf("\\Ga|b", std::string(70000, 'a')); },
              ThrowsMessage<Error>(HasSubstr("a piece of at most 65536 bytes, found 70000")));
}

TEST(Regex, LongRunsAreWithinTheLimits) {
  for (const RegexOrigin origin : {RegexOrigin::kKnown, RegexOrigin::kFile}) {
    const Regex regex(R"(\s*[\r\n]+|\s+(?!\S)|\s+)", "test", origin);
    const std::string text = std::string(90000, ' ') + "x";
    RegexSearch search(text.size());
    Spans spans;
    search.ForEachMatch(regex, text, [&](size_t begin, size_t end) {
      spans.push_back({begin, end});
    });
    EXPECT_EQ(spans, (Spans{{0, 89999}, {89999, 90000}}));
  }
}

}  // namespace
}  // namespace trinity
