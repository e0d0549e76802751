#include "generate/dry_penalty.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/generate/reference_sampling.h"

namespace trinity {
namespace {

using Breakers = std::vector<std::vector<int32_t>>;

bool EndsInBreaker(std::span<const int32_t> ids, const Breakers& breakers) {
  return std::any_of(breakers.begin(), breakers.end(), [&](const std::vector<int32_t>& breaker) {
    return breaker.size() <= ids.size() &&
           std::equal(breaker.begin(), breaker.end(), ids.end() - breaker.size());
  });
}

// By the definition, in cubic time: the longest passage at the end of `ids`, without a breaker,
// that stands also directly before an earlier token.
std::map<int32_t, size_t> LongestPassages(const std::vector<int32_t>& ids, const DryOptions& o) {
  size_t after_breaker = 0;
  while (after_breaker < ids.size() &&
         !EndsInBreaker(std::span(ids).first(ids.size() - after_breaker), o.sequence_breakers)) {
    ++after_breaker;
  }
  const size_t last_n = static_cast<size_t>(o.penalty_last_n.value_or(INT64_MAX));
  const size_t first = ids.size() - std::min(ids.size(), last_n);
  std::map<int32_t, size_t> longest;
  for (size_t next = first + 1; next < ids.size(); ++next) {
    size_t length = 0;
    while (length < after_breaker && length < next - first &&
           ids[next - 1 - length] == ids[ids.size() - 1 - length]) {
      ++length;
    }
    longest[ids[next]] = std::max(longest[ids[next]], length);
  }
  return longest;
}

void ExpectAsDefined(const DryOptions& options, uint32_t seed) {
  std::mt19937 random(seed);
  constexpr size_t kVocab = 5;
  DryPenalty dry(options);
  TokenHistory history;
  for (int i = 0; i < 120; ++i) {
    history.ids.push_back(static_cast<int32_t>(random() % kVocab));
    dry.CountLast(history);
    const std::vector<float> logits = RandomLogits(random, kVocab, Ties::kNone);
    Candidates candidates;
    candidates.Reset(logits);
    dry.Apply(history, candidates);
    std::vector<float> expected = logits;
    for (const auto& [id, length] : LongestPassages(history.ids, options)) {
      const bool is_breaker =
          std::find(options.sequence_breakers.begin(), options.sequence_breakers.end(),
                    std::vector<int32_t>{id}) != options.sequence_breakers.end();
      const auto beyond = static_cast<double>(length) - static_cast<double>(options.allowed_length);
      if (is_breaker || beyond < 0) continue;
      expected[id] = static_cast<float>(static_cast<double>(logits[id]) -
                                        options.multiplier * std::pow(options.base, beyond));
    }
    EXPECT_TRUE(std::equal(expected.begin(), expected.end(), candidates.logits().begin())) << i;
  }
}

TEST(DryPenalty, IsThatOfTheDefinitionAtEveryToken) {
  for (const int64_t allowed_length : {1, 2, 4}) {
    for (const std::optional<int64_t> last_n :
         {std::optional<int64_t>(), std::optional<int64_t>(1), std::optional<int64_t>(30)}) {
      for (const Breakers& breakers :
           {Breakers{}, Breakers{{4}}, Breakers{{3, 4}, {0, 1, 2}}, Breakers{{4}, {1, 1}}}) {
        DryOptions options;
        options.multiplier = 0.8;
        options.allowed_length = allowed_length;
        options.penalty_last_n = last_n;
        options.sequence_breakers = breakers;
        ExpectAsDefined(options, static_cast<uint32_t>(allowed_length));
      }
    }
  }
}

TEST(DryPenalty, OfALongRepetitionStaysFinite) {
  DryOptions options;
  options.multiplier = 100;
  options.base = 100;
  DryPenalty dry(options);
  TokenHistory history;
  for (int i = 0; i < 5000; ++i) {
    history.ids.push_back(1);
    dry.CountLast(history);
  }
  Candidates candidates;
  candidates.Reset(std::vector<float>{0, 10, 0});
  dry.Apply(history, candidates);
  EXPECT_LT(candidates.logits()[1], -1e29F);
  EXPECT_TRUE(std::isfinite(candidates.logits()[1]));
}

}  // namespace
}  // namespace trinity
