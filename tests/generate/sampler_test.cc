#include "generate/sampler.h"

#include <gmock/gmock.h>

#include <functional>

#include "base/error.h"
#include "kernels/best_logits.h"
#include "tests/generate/reference_sampling.h"

namespace trinity {
namespace {

constexpr int kNumDraws = 100000;

// The value that a chi-square variable passes with probability 1e-6 (Wilson and Hilferty).
double ChiSquareLimit(double degrees) {
  const double spread = 2 / (9 * degrees);
  return degrees * std::pow(1 - spread + 4.75 * std::sqrt(spread), 3);
}

// Draws at positions 0 to kNumDraws - 1 against the distribution they should have. Tokens that are
// expected less than five times are counted together.
void ExpectDistribution(Sampler& sampler, const std::vector<float>& logits,
                        const Distribution& expected) {
  std::vector<int> counts(logits.size(), 0);
  for (int i = 0; i < kNumDraws; ++i) ++counts[sampler.Pick(logits, i)];
  double chi_square = 0, rare_count = 0, rare_expected = 0;
  int num_classes = 0;
  const auto add = [&](double count, double mean) {
    chi_square += (count - mean) * (count - mean) / mean;
    ++num_classes;
  };
  for (size_t id = 0; id < logits.size(); ++id) {
    const double mean = expected[id] * kNumDraws;
    if (mean == 0) {
      EXPECT_EQ(counts[id], 0) << id;
    } else if (mean < 5) {
      rare_count += counts[id];
      rare_expected += mean;
    } else {
      add(counts[id], mean);
    }
  }
  if (rare_expected > 0) add(rare_count, rare_expected);
  if (num_classes > 1) {
    EXPECT_LT(chi_square, ChiSquareLimit(num_classes - 1)) << num_classes;
  }
}

std::vector<float> TestLogits(size_t size = 40) {
  std::mt19937 random(11);
  return RandomLogits(random, size, Ties::kMany);
}

SamplingOptions AtTemperatureOne() {
  SamplingOptions options;
  options.temperature = 1;
  options.seed = 5;
  return options;
}

void ExpectDistribution(const SamplingOptions& options, const std::vector<int32_t>& kept,
                        double temperature = 1) {
  Sampler sampler(options, 40);
  ExpectDistribution(sampler, TestLogits(), Restricted(TestLogits(), kept, temperature));
}

std::vector<int32_t> AllIds() { return PlainTopK(TestLogits(), 40); }

TEST(Sampler, DrawsFromTheSoftmaxAtEachTemperature) {
  for (const double temperature : {0.3, 1.0, 1.7}) {
    SamplingOptions options = AtTemperatureOne();
    options.temperature = temperature;
    ExpectDistribution(options, AllIds(), temperature);
  }
}

TEST(Sampler, DrawsOverManyBlocksOfTheVocabulary) {
  const std::vector<float> logits = TestLogits(1500);
  Sampler sampler(AtTemperatureOne(), 1500);
  ExpectDistribution(sampler, logits, PlainSoftmax(logits));
}

TEST(Sampler, DrawsFromTheTopK) {
  SamplingOptions options = AtTemperatureOne();
  options.top_k = 7;
  options.temperature = 0.8;
  ExpectDistribution(options, PlainTopK(TestLogits(), 7), 0.8);
}

TEST(Sampler, SaysHowManyLogitsDecide) {
  const auto num_deciding = [](const SamplingOptions& options) {
    return Sampler(options, 100).num_deciding_logits();
  };
  EXPECT_EQ(num_deciding({.temperature = 0}), 1);
  EXPECT_EQ(num_deciding({.temperature = 1, .top_k = 5, .top_p = 0.5}), 5);
  EXPECT_EQ(num_deciding({.temperature = 1, .top_p = 0.5}), std::nullopt);
  EXPECT_EQ(num_deciding({.temperature = 1, .top_k = 5, .top_n_sigma = 1}), std::nullopt);
  EXPECT_EQ(num_deciding({.temperature = 1, .top_k = 5, .presence_penalty = 1}), std::nullopt);
  EXPECT_EQ(num_deciding({.temperature = 0, .logit_bias = {{3, 1.0}}}), std::nullopt);
}

TEST(Sampler, PicksTheSameFromThoseThatDecide) {
  std::mt19937 random(3);
  for (const Ties ties : {Ties::kNone, Ties::kMany}) {
    const std::vector<float> logits = RandomLogits(random, 3000, ties);
    for (const SamplingOptions& options :
         {SamplingOptions{.temperature = 0},
          {.temperature = 0.7, .top_k = 40},
          {.temperature = 1.3, .top_k = 7, .top_p = 0.8, .min_p = 0.05}}) {
      Sampler sampler(options, 3000);
      std::vector<float> best(logits.size(), kMinusInfinity);
      for (const int32_t id : BestLogits(logits, *sampler.num_deciding_logits())) {
        best[static_cast<size_t>(id)] = logits[static_cast<size_t>(id)];
      }
      for (int position = 0; position < 200; ++position) {
        EXPECT_EQ(sampler.Pick(best, position), sampler.Pick(logits, position));
      }
    }
  }
}

TEST(Sampler, DrawsFromTheTopP) {
  SamplingOptions options = AtTemperatureOne();
  options.top_p = 0.7;
  options.temperature = 0.8;
  ExpectDistribution(options, PlainTopP(TestLogits(), 0.7), 0.8);
}

TEST(Sampler, DrawsFromMinP) {
  SamplingOptions options = AtTemperatureOne();
  options.min_p = 0.11;
  ExpectDistribution(options, PlainMinP(TestLogits(), 0.11));
}

TEST(Sampler, DrawsFromTypicalP) {
  SamplingOptions options = AtTemperatureOne();
  options.typical_p = 0.6;
  Sampler sampler(options, 40);
  std::mt19937 random(12);
  const std::vector<float> logits = RandomLogits(random, 40, Ties::kNone);
  ExpectDistribution(sampler, logits, Restricted(logits, PlainTypicalP(logits, 0.6)));
}

TEST(Sampler, DrawsFromTopNSigma) {
  SamplingOptions options = AtTemperatureOne();
  options.top_n_sigma = 1.5;
  ExpectDistribution(options, PlainTopNSigma(TestLogits(), 1.5));
}

TEST(Sampler, XtcRemovesTopChoicesWithItsProbability) {
  SamplingOptions options = AtTemperatureOne();
  options.xtc_probability = 0.3;
  options.xtc_threshold = 0.08;
  const Distribution all = PlainSoftmax(TestLogits());
  const Distribution rest = Restricted(TestLogits(), PlainXtc(TestLogits(), 0.08));
  Distribution mixed;
  for (size_t i = 0; i < all.size(); ++i) mixed.push_back(0.7 * all[i] + 0.3 * rest[i]);
  EXPECT_NE(all, rest);
  Sampler sampler(options, 40);
  ExpectDistribution(sampler, TestLogits(), mixed);
}

TEST(Sampler, DrawsAfterPenalties) {
  SamplingOptions options = AtTemperatureOne();
  options.repetition_penalty = 1.5;
  options.presence_penalty = 0.4;
  options.frequency_penalty = 0.2;
  Sampler sampler(options, 40);
  sampler.Begin(std::vector<int32_t>{3, 4});
  for (const int32_t id : {5, 5, 6}) sampler.Accept(id);
  std::vector<float> logits = TestLogits();
  for (const int32_t id : {3, 4, 5, 6}) logits[id] *= logits[id] > 0 ? 1 / 1.5F : 1.5F;
  logits[5] -= 0.8F;
  logits[6] -= 0.6F;
  ExpectDistribution(sampler, TestLogits(), PlainSoftmax(logits));
}

TEST(Sampler, DrawsAfterDry) {
  SamplingOptions options = AtTemperatureOne();
  options.dry.multiplier = 0.5;
  Sampler sampler(options, 40);
  sampler.Begin(std::vector<int32_t>{7, 8, 9, 20, 7, 8, 9});
  std::vector<float> logits = TestLogits();
  logits[20] -= 0.5F * 1.75F;
  ExpectDistribution(sampler, TestLogits(), PlainSoftmax(logits));
}

TEST(Sampler, DrawsAfterLogitBias) {
  SamplingOptions options = AtTemperatureOne();
  options.logit_bias = {{0, 2.5}, {1, -1}, {2, -INFINITY}};
  std::vector<float> logits = TestLogits();
  logits[0] += 2.5F;
  logits[1] -= 1;
  logits[2] = kMinusInfinity;
  Sampler sampler(options, 40);
  ExpectDistribution(sampler, TestLogits(), PlainSoftmax(logits));
}

TEST(Sampler, StepsAreDoneInTheOrderAsked) {
  // top_p after temperature 3 keeps more than top_p before it.
  SamplingOptions options = AtTemperatureOne();
  options.temperature = 3;
  options.top_p = 0.5;
  ExpectDistribution(options, PlainTopP(TestLogits(), 0.5), 3);
  options.steps = ParseSamplingSteps(std::vector<std::string>{"temperature", "top_p"});
  std::vector<float> hot = TestLogits();
  for (float& logit : hot) logit /= 3;
  EXPECT_GT(PlainTopP(hot, 0.5).size(), PlainTopP(TestLogits(), 0.5).size());
  ExpectDistribution(options, PlainTopP(hot, 0.5), 3);
}

std::vector<int32_t> Picks(const SamplingOptions& options, const std::vector<float>& logits,
                           int count = 2000) {
  Sampler sampler(options, static_cast<int64_t>(logits.size()));
  std::vector<int32_t> picks;
  for (int i = 0; i < count; ++i) picks.push_back(sampler.Pick(logits, i));
  return picks;
}

TEST(Sampler, APickDependsOnSeedAndPositionAlone) {
  SamplingOptions options = AtTemperatureOne();
  options.xtc_probability = 0.5;
  options.top_k = 20;
  const std::vector<float> logits = TestLogits();
  const std::vector<int32_t> forward = Picks(options, logits);
  Sampler sampler(options, 40);
  Sampler another(AtTemperatureOne(), 40);
  for (int i = 1999; i >= 0; --i) {
    another.Pick(logits, i);
    ASSERT_EQ(sampler.Pick(logits, i), forward[i]);
    ASSERT_EQ(sampler.Pick(logits, i), forward[i]);
  }
  options.seed = 6;
  EXPECT_NE(Picks(options, logits), forward);
}

TEST(Sampler, XtcDrawsApartFromThePick) {
  // Were the numbers the same, only picks with a low number would see the removal.
  SamplingOptions options = AtTemperatureOne();
  options.xtc_probability = 0.5;
  options.xtc_threshold = 0.1;
  const std::vector<float> logits(4, 0.0F);
  std::vector<int> counts(4, 0);
  for (const int32_t id : Picks(options, logits, 10000)) ++counts[id];
  for (int id = 0; id < 3; ++id) EXPECT_NEAR(counts[id], 1250, 150);
  EXPECT_NEAR(counts[3], 6250, 250);
}

TEST(Sampler, NeutralValuesChangeNoBit) {
  const std::vector<float> logits = TestLogits(3000);
  const std::vector<int32_t> plain = Picks(AtTemperatureOne(), logits);
  SamplingOptions options = AtTemperatureOne();
  options.top_k = 3000;
  options.xtc_probability = 1;
  options.xtc_threshold = 0.9;
  options.penalty_last_n = 10;
  options.logit_bias = {{7, 0.0}};
  EXPECT_EQ(Picks(options, logits), plain);
  const SamplingOptions defaults;
  EXPECT_EQ(defaults.top_k, 0);
  EXPECT_EQ(defaults.top_p, 1);
  EXPECT_EQ(defaults.min_p, 0);
  EXPECT_EQ(defaults.typical_p, 1);
  EXPECT_EQ(defaults.repetition_penalty, 1);
}

TEST(Sampler, ATinyTopPOrAMinPOfOneIsGreedy) {
  std::mt19937 random(21);
  for (int repeat = 0; repeat < 50; ++repeat) {
    const std::vector<float> logits = RandomLogits(random, 500, Ties::kNone);
    const std::vector<int32_t> greedy = Picks({}, logits, 1);
    for (const auto& change : std::vector<std::function<void(SamplingOptions&)>>{
             [](SamplingOptions& o) { o.top_k = 1; }, [](SamplingOptions& o) { o.top_p = 1e-9; },
             [](SamplingOptions& o) { o.min_p = 1; },
             [](SamplingOptions& o) { o.temperature = 1e-300; },
             [](SamplingOptions& o) { o.top_n_sigma = 1e-9; }}) {
      SamplingOptions options = AtTemperatureOne();
      change(options);
      EXPECT_EQ(Picks(options, logits, 3), std::vector<int32_t>(3, greedy[0]));
    }
  }
}

TEST(Sampler, TopKOneTakesTheLowestIdOfATie) {
  SamplingOptions options = AtTemperatureOne();
  options.top_k = 1;
  const std::vector<float> logits = {0, 3, 1, 3, 3};
  EXPECT_EQ(Picks(options, logits, 100), std::vector<int32_t>(100, 1));
  EXPECT_EQ(Picks({}, logits, 1), std::vector<int32_t>{1});
}

TEST(Sampler, GreedyLooksAtBiasAndPenaltiesButNotAtTruncation) {
  const std::vector<float> logits = {1, 4, 3.5F, 2};
  SamplingOptions options;
  options.typical_p = 0.1;
  options.xtc_probability = 1;
  options.xtc_threshold = 0.01;
  EXPECT_EQ(Picks(options, logits, 1)[0], 1);
  options.logit_bias = {{3, 3}};
  EXPECT_EQ(Picks(options, logits, 1)[0], 3);
  options.frequency_penalty = 2;
  Sampler sampler(options, 4);
  sampler.Begin({});
  sampler.Accept(3);
  EXPECT_EQ(sampler.Pick(logits, 1), 1);
}

TEST(Sampler, ABiasOfHundredForcesOrForbidsAToken) {
  const std::vector<float> logits = TestLogits();
  SamplingOptions options = AtTemperatureOne();
  options.logit_bias = {{17, 100}};
  EXPECT_EQ(Picks(options, logits), std::vector<int32_t>(2000, 17));
  const int32_t best = Picks({}, logits, 1)[0];
  for (const double bias : {-100.0, -HUGE_VAL}) {
    options.logit_bias = {{best, bias}};
    EXPECT_THAT(Picks(options, logits), testing::Not(testing::Contains(best)));
  }
}

TEST(Sampler, MinTokensMasksStopIdsUntilThen) {
  SamplingOptions options;
  options.min_tokens = 2;
  Sampler sampler(options, 4, {3, 1});
  sampler.Begin(std::vector<int32_t>{0, 0, 0});
  const std::vector<float> logits = {1, 5, 2, 9};
  EXPECT_EQ(sampler.Pick(logits, 0), 2);
  sampler.Accept(2);
  EXPECT_EQ(sampler.Pick(logits, 1), 2);
  sampler.Accept(2);
  EXPECT_EQ(sampler.Pick(logits, 2), 3);
}

TEST(Sampler, PaddingRowsAreNeverPicked) {
  SamplingOptions options = AtTemperatureOne();
  Sampler sampler(options, 3);
  const std::vector<float> logits = {0, 0, 0, 50, 50};
  for (int i = 0; i < 100; ++i) EXPECT_LT(sampler.Pick(logits, i), 3);
}

TEST(Sampler, BrokenLogitsGiveADefinedPick) {
  SamplingOptions full = AtTemperatureOne();
  full.top_k = 2;
  full.top_p = 0.9;
  full.min_p = 0.1;
  full.typical_p = 0.9;
  full.top_n_sigma = 2;
  full.xtc_probability = 1;
  full.repetition_penalty = 2;
  full.dry.multiplier = 1;
  for (const SamplingOptions& options : {SamplingOptions(), AtTemperatureOne(), full}) {
    Sampler sampler(options, 4);
    sampler.Begin(std::vector<int32_t>{0, 1, 2, 3, 0, 1, 2});
    const auto pick = [&](const std::vector<float>& logits) { return sampler.Pick(logits, 3); };
    EXPECT_EQ(pick(std::vector<float>(4, kMinusInfinity)), 0);
    EXPECT_EQ(pick(std::vector<float>(4, NAN)), 0);
    EXPECT_EQ(pick({NAN, kMinusInfinity, 1, NAN}), 2);
    EXPECT_EQ(pick({1, NAN, INFINITY, 0}), 2);
    EXPECT_EQ(pick({-1e38F, NAN, 3e38F, -3e38F}), 2);
  }
}

TEST(Sampler, BanningEverythingPicksTokenZero) {
  SamplingOptions options = AtTemperatureOne();
  options.top_p = 0.5;
  options.logit_bias = {{0, -INFINITY}, {1, -INFINITY}};
  EXPECT_EQ(Picks(options, {1, 2}, 1)[0], 0);
}

TEST(Sampler, RefusesWhatValidationRefuses) {
  SamplingOptions options;
  options.temperature = NAN;
  EXPECT_THROW(Sampler(options, 4), Error);
}

}  // namespace
}  // namespace trinity
