#include "generate/sampling_options.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"

namespace trinity {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using Change = std::function<void(SamplingOptions&)>;

std::string ErrorOf(const Change& change) {
  SamplingOptions options;
  change(options);
  try {
    ValidateSampling(options, 100);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(SamplingOptions, ValuesOutOfRangeAreRefusedByName) {
  using Options = SamplingOptions;
  const struct {
    std::string name;
    double Options::*field;
    std::vector<double> bad;
    std::vector<double> good;
  } cases[] = {{"temperature", &Options::temperature, {-0.1, 100.1, 1e308}, {0, 1e-300, 2, 100}},
               {"top_p", &Options::top_p, {0, -1, 1.01}, {1e-9, 1}},
               {"min_p", &Options::min_p, {-0.1, 1.01}, {0, 1}},
               {"typical_p", &Options::typical_p, {0, 1.01}, {1e-9, 1}},
               {"top_n_sigma", &Options::top_n_sigma, {-1, 101}, {0, 1.5}},
               {"xtc_probability", &Options::xtc_probability, {-0.1, 1.1}, {0, 1}},
               {"xtc_threshold", &Options::xtc_threshold, {-0.1, 1.1}, {0, 1}},
               {"repetition_penalty", &Options::repetition_penalty, {0, -1, 1e9}, {0.5, 1.3}},
               {"presence_penalty", &Options::presence_penalty, {-101, 101}, {-2, 2}},
               {"frequency_penalty", &Options::frequency_penalty, {-101, 101}, {-2, 2}}};
  for (const auto& c : cases) {
    std::vector<double> bad = c.bad;
    bad.insert(bad.end(), {std::nan(""), INFINITY, -INFINITY});
    for (const double value : bad) {
      EXPECT_THAT(ErrorOf([&](Options& o) { o.*c.field = value; }),
                  AllOf(HasSubstr(c.name + ": expected"), HasSubstr("found"), HasSubstr("most")));
    }
    for (const double value : c.good) {
      EXPECT_EQ(ErrorOf([&](Options& o) { o.*c.field = value; }), "");
    }
  }
}

TEST(SamplingOptions, DryValuesOutOfRangeAreRefusedByName) {
  const auto error_of = [](const std::function<void(DryOptions&)>& change) {
    return ErrorOf([&](SamplingOptions& o) { change(o.dry); });
  };
  EXPECT_THAT(error_of([](DryOptions& d) { d.multiplier = -1; }), HasSubstr("dry_multiplier"));
  EXPECT_THAT(error_of([](DryOptions& d) { d.base = 0.5; }), HasSubstr("dry_base"));
  EXPECT_THAT(error_of([](DryOptions& d) { d.allowed_length = 0; }),
              HasSubstr("dry_allowed_length: expected an integer from 1 on, found 0"));
  EXPECT_THAT(error_of([](DryOptions& d) { d.penalty_last_n = -1; }),
              HasSubstr("dry_penalty_last_n"));
  EXPECT_THAT(error_of([](DryOptions& d) { d.sequence_breakers = {{}}; }), HasSubstr("empty"));
  EXPECT_THAT(error_of([](DryOptions& d) {
                d.sequence_breakers = {{1, 100}};
              }),
              HasSubstr("0 to 99, found 100"));
}

TEST(SamplingOptions, CountsAndIdsOutOfRangeAreRefusedByName) {
  EXPECT_THAT(ErrorOf([](SamplingOptions& o) { o.top_k = -1; }), HasSubstr("top_k"));
  EXPECT_THAT(ErrorOf([](SamplingOptions& o) { o.min_tokens = INT64_MIN; }),
              HasSubstr("min_tokens"));
  EXPECT_THAT(ErrorOf([](SamplingOptions& o) { o.penalty_last_n = -1; }),
              HasSubstr("penalty_last_n"));
  EXPECT_THAT(ErrorOf([](SamplingOptions& o) {
                o.logit_bias = {{100, 1}};
              }),
              HasSubstr("logit_bias: expected token ids of 0 to 99, found 100"));
  EXPECT_THAT(ErrorOf([](SamplingOptions& o) { o.logit_bias = {{-1, 1}}; }), HasSubstr("-1"));
  EXPECT_THAT(ErrorOf([](SamplingOptions& o) { o.logit_bias = {{1, NAN}}; }), HasSubstr("nan"));
  EXPECT_THAT(ErrorOf([](SamplingOptions& o) {
                o.logit_bias = {{1, INFINITY}};
              }),
              HasSubstr("inf"));
  EXPECT_THAT(ErrorOf([](SamplingOptions& o) {
                o.logit_bias = {{1, 1}, {1, 2}};
              }),
              HasSubstr("1 twice"));
  EXPECT_EQ(ErrorOf([](SamplingOptions& o) {
              o.logit_bias = {{1, -INFINITY}, {2, 1e308}};
              o.top_k = INT64_MAX;
              o.min_tokens = INT64_MAX;
              o.seed = UINT64_MAX;
            }),
            "");
}

TEST(SamplingOptions, StepsAreParsedByTheirNames) {
  const std::vector<std::string> names = {"xtc", "typ_p", "temperature"};
  EXPECT_EQ(ParseSamplingSteps(names),
            (std::vector{SamplingStep::kXtc, SamplingStep::kTypicalP, SamplingStep::kTemperature}));
  std::vector<std::string> all;
  for (const SamplingStep step : DefaultSamplingSteps()) all.emplace_back(NameOf(step));
  EXPECT_EQ(ParseSamplingSteps(all), DefaultSamplingSteps());
  EXPECT_EQ(all, (std::vector<std::string>{"penalties", "dry", "top_n_sigma", "top_k", "typical_p",
                                           "top_p", "min_p", "xtc", "temperature"}));
}

TEST(SamplingOptions, UnknownAndRepeatedStepsAreRefused) {
  const auto error_of = [](const std::vector<std::string>& names) -> std::string {
    try {
      ParseSamplingSteps(names);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(error_of({"top_k", "mirostat\n"}),
              AllOf(HasSubstr("penalties, dry"), HasSubstr("mirostat"), HasSubstr("\\x0a")));
  EXPECT_THAT(error_of({"top_p", "top_p"}), HasSubstr("top_p twice"));
  EXPECT_THAT(error_of({"typ_p", "typical_p"}), HasSubstr("twice"));
  EXPECT_THAT(error_of({""}), HasSubstr("expected names among"));
}

TEST(SamplingOptions, AValueWhoseStepIsLeftOutIsRefused) {
  const auto without = [](SamplingStep step) {
    std::vector<SamplingStep> steps = DefaultSamplingSteps();
    steps.erase(std::find(steps.begin(), steps.end(), step));
    return steps;
  };
  EXPECT_THAT(ErrorOf([&](SamplingOptions& o) {
                o.steps = without(SamplingStep::kTopP);
                o.top_p = 0.9;
              }),
              HasSubstr("samplers: expected top_p among them"));
  EXPECT_THAT(ErrorOf([&](SamplingOptions& o) {
                o.steps = without(SamplingStep::kPenalties);
                o.repetition_penalty = 1.1;
              }),
              HasSubstr("because repetition_penalty is set"));
  EXPECT_THAT(ErrorOf([&](SamplingOptions& o) {
                o.steps = without(SamplingStep::kTemperature);
                o.temperature = 0.5;
              }),
              HasSubstr("expected temperature"));
  EXPECT_EQ(ErrorOf([](SamplingOptions& o) { o.steps = {}; }), "");
}

TEST(SamplingOptions, AreDescribedByWhatDiffers) {
  SamplingOptions options;
  EXPECT_EQ(DescribeSampling(options), "temperature 0, seed 0");
  options.temperature = 0.15;
  options.top_k = 50;
  options.min_p = 0.06;
  options.seed = 9;
  EXPECT_EQ(DescribeSampling(options), "temperature 0.15, top_k 50, min_p 0.06, seed 9");
}

}  // namespace
}  // namespace trinity
