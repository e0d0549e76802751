#include "generate/stop_matcher.h"

#include <gmock/gmock.h>

#include <random>

#include "base/error.h"

namespace trinity {
namespace {

using testing::HasSubstr;

struct Outcome {
  std::string text;
  std::optional<std::string> stop;

  bool operator==(const Outcome& other) const { return text == other.text && stop == other.stop; }
};

// By the definition: the first end of a stop string, of those that end there the longest.
Outcome PlainSearch(const std::string& text, const std::vector<std::string>& stops) {
  for (size_t end = 1; end <= text.size(); ++end) {
    std::optional<std::string> longest;
    for (const std::string& stop : stops) {
      const bool ends_here =
          stop.size() <= end && text.compare(end - stop.size(), stop.size(), stop) == 0;
      if (ends_here && (!longest || stop.size() > longest->size())) longest = stop;
    }
    if (longest) return {text.substr(0, end - longest->size()), longest};
  }
  return {text, {}};
}

// Appends the text cut where `cuts` has a bit; checks on the way that what is released is never
// more than the outcome, and never less than what is certain: all but a stop string's beginning.
Outcome MatchInPieces(const std::string& text, const std::vector<std::string>& stops,
                      uint64_t cuts) {
  const Outcome expected = PlainSearch(text, stops);
  StopMatcher matcher(stops);
  Outcome outcome;
  std::string piece;
  for (size_t i = 0; i < text.size(); ++i) {
    piece += text[i];
    if ((cuts >> i & 1) == 0 && i + 1 < text.size()) continue;
    outcome.text += matcher.Append(piece);
    piece.clear();
    EXPECT_EQ(expected.text.compare(0, outcome.text.size(), outcome.text), 0);
    if (matcher.matched_stop()) continue;
    const std::string held = text.substr(outcome.text.size(), i + 1 - outcome.text.size());
    const bool begins_stop = std::any_of(stops.begin(), stops.end(), [&](const std::string& stop) {
      return stop.compare(0, held.size(), held) == 0;
    });
    EXPECT_TRUE(held.empty() || begins_stop) << text << " at " << i;
  }
  outcome.text += matcher.Finish();
  outcome.stop = matcher.matched_stop();
  EXPECT_EQ(matcher.Append("more"), matcher.matched_stop() ? "" : "more");
  return outcome;
}

TEST(StopMatcher, FindsWhatAPlainSearchFindsForEveryCut) {
  std::mt19937 random(1);
  const auto random_text = [&](size_t size, int letters) {
    std::string text;
    for (size_t i = 0; i < size; ++i) text += static_cast<char>('a' + random() % letters);
    return text;
  };
  int num_matches = 0;
  for (int repeat = 0; repeat < 200; ++repeat) {
    const int letters = repeat % 2 == 0 ? 2 : 3;
    std::vector<std::string> stops;
    for (size_t i = 0; i < 1 + random() % 4; ++i) {
      stops.push_back(random_text(1 + random() % 6, letters));
    }
    const std::string text = random_text(9, letters);
    const Outcome expected = PlainSearch(text, stops);
    num_matches += expected.stop ? 1 : 0;
    for (uint64_t cuts = 0; cuts < 256; ++cuts) {
      ASSERT_EQ(MatchInPieces(text, stops, cuts), expected)
          << text << " " << stops[0] << " " << cuts;
    }
  }
  EXPECT_GT(num_matches, 50);
  EXPECT_LT(num_matches, 200);
}

TEST(StopMatcher, OfThoseThatEndTogetherTheLongestIsTaken) {
  EXPECT_EQ(MatchInPieces("xabc", {"c", "abc", "bc"}, ~0ULL), (Outcome{"x", "abc"}));
  EXPECT_EQ(MatchInPieces("xabc", {"abcd", "b"}, ~0ULL), (Outcome{"xa", "b"}));
}

TEST(StopMatcher, AHeldBeginningIsReleasedOnceItCannotBecomeAStop) {
  StopMatcher matcher({"<|im_end|>"});
  EXPECT_EQ(matcher.Append("a <|im_"), "a ");
  EXPECT_EQ(matcher.Append("start"), "<|im_start");
  EXPECT_EQ(matcher.Append("<"), "");
  EXPECT_EQ(matcher.Finish(), "<");
  EXPECT_FALSE(matcher.matched_stop());
}

TEST(StopMatcher, WithoutStopsReleasesEverythingAtOnce) {
  StopMatcher matcher({});
  EXPECT_EQ(matcher.Append("a"), "a");
  EXPECT_EQ(matcher.Finish(), "");
}

TEST(StopMatcher, HoldsWholeCharacters) {
  StopMatcher matcher({"\u00e9\u00e8"});
  EXPECT_EQ(matcher.Append("caf\u00e9"), "caf");
  EXPECT_EQ(matcher.Append("\u00e9"), "\u00e9");
  EXPECT_EQ(matcher.Append("\u00e8!"), "");
  EXPECT_EQ(matcher.matched_stop(), "\u00e9\u00e8");
}

TEST(StopMatcher, AHundredThousandStopsAreFoundInALongText) {
  std::vector<std::string> stops;
  for (int i = 0; i < 100000; ++i) stops.push_back("stop number " + std::to_string(i) + ".");
  stops.push_back(std::string(100000, 'a') + "b");
  StopMatcher matcher(stops);
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "stop number 99999, ";
  text += std::string(300000, 'a');
  std::string released;
  for (size_t i = 0; i < text.size(); i += 7) released += matcher.Append(text.substr(i, 7));
  EXPECT_EQ(released.size(), text.size() - 100000);
  EXPECT_EQ(matcher.Append("-stop number 12345.x").size(), 100001);
  EXPECT_EQ(matcher.matched_stop(), "stop number 12345.");
}

TEST(StopMatcher, EmptyAndBrokenAndTooManyStopsAreRefused) {
  const auto error_of = [](std::vector<std::string> stops) -> std::string {
    try {
      StopMatcher matcher(std::move(stops));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(error_of({"a", ""}), HasSubstr("empty"));
  EXPECT_THAT(error_of({"\xff"}), HasSubstr("UTF-8"));
  EXPECT_THAT(error_of({std::string(5 << 20, 'x')}), HasSubstr("at most 4194304 bytes"));
}

}  // namespace
}  // namespace trinity
