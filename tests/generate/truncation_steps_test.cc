#include "generate/truncation_steps.h"

#include <gmock/gmock.h>

#include <functional>

#include "tests/generate/reference_sampling.h"

namespace trinity {
namespace {

using testing::ElementsAre;

std::vector<int32_t> IdsOf(const Candidates& candidates) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < candidates.size(); ++i) ids.push_back(candidates.IdAt(i));
  return ids;
}

std::vector<int32_t> KeptOf(const std::vector<float>& logits,
                            const std::function<void(Candidates&)>& step) {
  Candidates candidates;
  candidates.Reset(logits);
  step(candidates);
  for (size_t i = 0; i < candidates.size(); ++i) {
    EXPECT_EQ(candidates.logits()[i], logits[candidates.IdAt(i)]);
  }
  return IdsOf(candidates);
}

// Calls `check(logits, x)` for random logits of many sizes and x in (0, 1).
void ForRandomLogits(const std::function<void(const std::vector<float>&, double)>& check) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> uniform(0.001, 0.999);
  for (const size_t size : {1, 2, 3, 10, 64, 65, 130, 1000, 4099}) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      const Ties ties = repeat % 2 == 0 ? Ties::kNone : Ties::kMany;
      std::vector<float> logits = RandomLogits(random, size, ties);
      if (repeat % 4 == 3) {
        for (size_t i = 1; i < size; i += 3) logits[i] = kMinusInfinity;
      }
      check(logits, uniform(random));
    }
  }
}

TEST(TruncationSteps, TopKKeepsTheLargest) {
  ForRandomLogits([](const std::vector<float>& logits, double x) {
    const auto k = 1 + static_cast<int64_t>(x * static_cast<double>(logits.size()));
    EXPECT_EQ(KeptOf(logits, [&](Candidates& c) { KeepTopK(c, k); }),
              PlainTopK(logits, static_cast<size_t>(k)));
  });
}

TEST(TruncationSteps, TopPKeepsTheFewestThatHoldTheShare) {
  ForRandomLogits([](const std::vector<float>& logits, double x) {
    EXPECT_EQ(KeptOf(logits, [&](Candidates& c) { KeepTopP(c, x); }), PlainTopP(logits, x));
  });
}

TEST(TruncationSteps, MinPKeepsWhatIsNotFarBelowTheMostProbable) {
  ForRandomLogits([](const std::vector<float>& logits, double x) {
    EXPECT_EQ(KeptOf(logits, [&](Candidates& c) { KeepMinP(c, x); }), PlainMinP(logits, x));
  });
}

TEST(TruncationSteps, TypicalPKeepsTheNearestToTheEntropy) {
  std::mt19937 random(8);
  std::uniform_real_distribution<double> uniform(0.001, 0.999);
  for (const size_t size : {1, 2, 10, 65, 1000, 4099}) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      const std::vector<float> logits = RandomLogits(random, size, Ties::kNone);
      const double share = uniform(random);
      EXPECT_EQ(KeptOf(logits, [&](Candidates& c) { KeepTypicalP(c, share); }),
                PlainTypicalP(logits, share));
    }
  }
}

TEST(TruncationSteps, TypicalPPrefersTheTypicalToTheMostProbable) {
  // Probabilities 0.4 and six times 0.1: entropy 1.75, nearest to it are the six.
  std::vector<float> logits(7, std::log(0.1F));
  logits[0] = std::log(0.4F);
  EXPECT_THAT(KeptOf(logits, [](Candidates& c) { KeepTypicalP(c, 0.35); }),
              ElementsAre(1, 2, 3, 4));
}

TEST(TruncationSteps, TopNSigmaKeepsWithinDeviationsOfTheLargest) {
  ForRandomLogits([](const std::vector<float>& logits, double x) {
    EXPECT_EQ(KeptOf(logits, [&](Candidates& c) { KeepTopNSigma(c, 3 * x); }),
              PlainTopNSigma(logits, 3 * x));
  });
}

TEST(TruncationSteps, XtcRemovesTheTopChoicesButTheLast) {
  ForRandomLogits([](const std::vector<float>& logits, double x) {
    const double threshold = x * x * x;
    EXPECT_EQ(KeptOf(logits, [&](Candidates& c) { RemoveTopChoices(c, threshold); }),
              PlainXtc(logits, threshold));
  });
}

TEST(TruncationSteps, XtcNeverLeavesOnlyBannedTokens) {
  const std::vector<float> logits = {1, kMinusInfinity, 2, kMinusInfinity};
  EXPECT_THAT(KeptOf(logits, [](Candidates& c) { RemoveTopChoices(c, 0); }), ElementsAre(0, 1, 3));
}

TEST(TruncationSteps, EqualTokensStayByLowestId) {
  const std::vector<float> logits(100, 0.5F);
  EXPECT_THAT(KeptOf(logits, [](Candidates& c) { KeepTopK(c, 3); }), ElementsAre(0, 1, 2));
  EXPECT_THAT(KeptOf(logits, [](Candidates& c) { KeepTopP(c, 0.025); }), ElementsAre(0, 1, 2));
  EXPECT_EQ(KeptOf(logits, [](Candidates& c) { KeepTopNSigma(c, 1); }).size(), 100);
}

TEST(TruncationSteps, WorkOnWhatEarlierStepsLeft) {
  std::mt19937 random(9);
  const std::vector<float> logits = RandomLogits(random, 3000, Ties::kMany);
  Candidates candidates;
  candidates.Reset(logits);
  KeepTopK(candidates, 40);
  KeepTopP(candidates, 0.8);
  KeepMinP(candidates, 0.3);
  std::vector<float> rest(logits.size(), kMinusInfinity);
  for (const int32_t id : PlainTopK(logits, 40)) rest[id] = logits[id];
  std::vector<float> last(logits.size(), kMinusInfinity);
  for (const int32_t id : PlainTopP(rest, 0.8)) last[id] = logits[id];
  EXPECT_EQ(IdsOf(candidates), PlainMinP(last, 0.3));
}

TEST(TruncationSteps, ExtremeLogitsLeaveACandidate) {
  const float huge = std::numeric_limits<float>::max();
  for (const std::vector<float>& logits : {std::vector<float>{huge, -huge, 0},
                                           {-huge, -huge},
                                           {kMinusInfinity, -huge, kMinusInfinity},
                                           {INFINITY, INFINITY, 1, NAN}}) {
    Candidates candidates;
    const auto num_left = [&](const std::function<void(Candidates&)>& step) {
      candidates.Reset(logits);
      step(candidates);
      return candidates.size();
    };
    EXPECT_EQ(num_left([](Candidates& c) { KeepTopK(c, 1); }), 1);
    EXPECT_GE(num_left([](Candidates& c) { KeepTopP(c, 1e-9); }), 1);
    EXPECT_GE(num_left([](Candidates& c) { KeepMinP(c, 1e-300); }), 1);
    EXPECT_GE(num_left([](Candidates& c) { KeepTypicalP(c, 0.5); }), 1);
    EXPECT_GE(num_left([](Candidates& c) { KeepTopNSigma(c, 100); }), 1);
    EXPECT_GE(num_left([](Candidates& c) { RemoveTopChoices(c, 0.1); }), 1);
  }
}

}  // namespace
}  // namespace trinity
