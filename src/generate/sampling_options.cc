#include "generate/sampling_options.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <limits>
#include <unordered_set>
#include <utility>

#include "base/error.h"

namespace trinity {
namespace {

constexpr size_t kMaxBreakers = 1'000'000;

struct NamedStep {
  SamplingStep step;
  std::string_view name;
};

constexpr std::array kNamedSteps = {NamedStep{SamplingStep::kPenalties, "penalties"},
                                    NamedStep{SamplingStep::kDry, "dry"},
                                    NamedStep{SamplingStep::kTopNSigma, "top_n_sigma"},
                                    NamedStep{SamplingStep::kTopK, "top_k"},
                                    NamedStep{SamplingStep::kTypicalP, "typical_p"},
                                    NamedStep{SamplingStep::kTopP, "top_p"},
                                    NamedStep{SamplingStep::kMinP, "min_p"},
                                    NamedStep{SamplingStep::kXtc, "xtc"},
                                    NamedStep{SamplingStep::kTemperature, "temperature"}};

std::string AllStepNames() {
  std::string names;
  for (const NamedStep& named : kNamedSteps) {
    if (!names.empty()) names += ", ";
    names += named.name;
  }
  return names;
}

bool Holds(const std::vector<SamplingStep>& steps, SamplingStep step) {
  return std::find(steps.begin(), steps.end(), step) != steps.end();
}

// A number with what is accepted for it and what leaves the distribution as it is.
struct NumberField {
  std::string_view name;
  double value;
  double least;
  double most;
  bool least_included;
  double neutral;
  std::optional<SamplingStep> step;  // whose work it changes
};

constexpr double kMaxPenalty = 100;

std::array<NumberField, 12> NumberFields(const SamplingOptions& o) {
  using Step = SamplingStep;
  return {{{"temperature", o.temperature, 0, 100, true, 1, {}},
           {"top_p", o.top_p, 0, 1, false, 1, Step::kTopP},
           {"min_p", o.min_p, 0, 1, true, 0, Step::kMinP},
           {"typical_p", o.typical_p, 0, 1, false, 1, Step::kTypicalP},
           {"top_n_sigma", o.top_n_sigma, 0, 100, true, 0, Step::kTopNSigma},
           {"xtc_probability", o.xtc_probability, 0, 1, true, 0, Step::kXtc},
           {"repetition_penalty", o.repetition_penalty, 0, kMaxPenalty, false, 1, Step::kPenalties},
           {"presence_penalty", o.presence_penalty, -kMaxPenalty, kMaxPenalty, true, 0,
            Step::kPenalties},
           {"frequency_penalty", o.frequency_penalty, -kMaxPenalty, kMaxPenalty, true, 0,
            Step::kPenalties},
           {"dry_multiplier", o.dry.multiplier, 0, 100, true, 0, Step::kDry},
           // These two change nothing by themselves, so that they need no step.
           {"dry_base", o.dry.base, 1, 100, true, o.dry.base, {}},
           {"xtc_threshold", o.xtc_threshold, 0, 1, true, o.xtc_threshold, {}}}};
}

void CheckNumber(const NumberField& field) {
  const bool high_enough =
      field.least_included ? field.value >= field.least : field.value > field.least;
  if (high_enough && field.value <= field.most) return;
  Fail("{}: expected a number {} {}, at most {}, found {}", field.name,
       field.least_included ? "from" : "above", field.least, field.most, field.value);
}

void CheckCount(std::string_view name, std::optional<int64_t> count, int64_t least) {
  if (count && *count < least) {
    Fail("{}: expected an integer from {} on, found {}", name, least, *count);
  }
}

void CheckStepIsDone(const std::vector<SamplingStep>& steps, SamplingStep step,
                     std::string_view name) {
  if (!Holds(steps, step)) {
    Fail("samplers: expected {} among them, because {} is set, found it left out", NameOf(step),
         name);
  }
}

void CheckId(std::string_view name, int64_t id, int64_t num_tokens) {
  if (id < 0 || id >= num_tokens) {
    Fail("{}: expected token ids of 0 to {}, found {}", name, num_tokens - 1, id);
  }
}

void CheckSteps(const SamplingOptions& options) {
  for (size_t i = 0; i < options.steps.size(); ++i) {
    if (std::count(options.steps.begin(), options.steps.end(), options.steps[i]) > 1) {
      Fail("samplers: expected each name once, found {} twice", NameOf(options.steps[i]));
    }
  }
  for (const NumberField& field : NumberFields(options)) {
    if (field.step && field.value != field.neutral) {
      CheckStepIsDone(options.steps, *field.step, field.name);
    }
  }
  if (options.top_k != 0) CheckStepIsDone(options.steps, SamplingStep::kTopK, "top_k");
  if (options.temperature != 0 && options.temperature != 1) {
    CheckStepIsDone(options.steps, SamplingStep::kTemperature, "temperature");
  }
}

void CheckLogitBias(const std::vector<LogitBias>& biases, int64_t num_tokens) {
  std::unordered_set<int32_t> seen;
  for (const LogitBias& entry : biases) {
    CheckId("logit_bias", entry.id, num_tokens);
    if (std::isnan(entry.bias) || entry.bias == std::numeric_limits<double>::infinity()) {
      Fail("logit_bias: token {}: expected a number or -infinity, found {}", entry.id, entry.bias);
    }
    if (!seen.insert(entry.id).second) {
      Fail("logit_bias: expected each token once, found {} twice", entry.id);
    }
  }
}

void CheckBreakers(const std::vector<std::vector<int32_t>>& breakers, int64_t num_tokens) {
  if (breakers.size() > kMaxBreakers) {
    Fail("dry_sequence_breakers: expected at most {} token sequences, found {}", kMaxBreakers,
         breakers.size());
  }
  for (const std::vector<int32_t>& breaker : breakers) {
    if (breaker.empty()) {
      Fail("dry_sequence_breakers: expected sequences of at least one token, found an empty one");
    }
    for (const int32_t id : breaker) CheckId("dry_sequence_breakers", id, num_tokens);
  }
}

}  // namespace

std::vector<SamplingStep> DefaultSamplingSteps() {
  std::vector<SamplingStep> steps;
  steps.reserve(std::size(kNamedSteps));
  for (const NamedStep& named : kNamedSteps) steps.push_back(named.step);
  return steps;
}

std::string_view NameOf(SamplingStep step) {
  for (const NamedStep& named : kNamedSteps) {
    if (named.step == step) return named.name;
  }
  return "";
}

std::vector<SamplingStep> ParseSamplingSteps(std::span<const std::string> names) {
  std::vector<SamplingStep> steps;
  for (const std::string& given : names) {
    const std::string_view name = given == "typ_p" ? "typical_p" : std::string_view(given);
    const auto found = std::find_if(kNamedSteps.begin(), kNamedSteps.end(),
                                    [&](const NamedStep& named) { return named.name == name; });
    if (found == kNamedSteps.end()) {
      Fail("samplers: expected names among {}, found \"{}\"", AllStepNames(), Printable(given));
    }
    if (Holds(steps, found->step)) {
      Fail("samplers: expected each name once, found {} twice", found->name);
    }
    steps.push_back(found->step);
  }
  return steps;
}

void ValidateSampling(const SamplingOptions& options, int64_t num_tokens) {
  for (const NumberField& field : NumberFields(options)) CheckNumber(field);
  CheckCount("top_k", options.top_k, 0);
  CheckCount("min_tokens", options.min_tokens, 0);
  CheckCount("penalty_last_n", options.penalty_last_n, 0);
  CheckCount("dry_allowed_length", options.dry.allowed_length, 1);
  CheckCount("dry_penalty_last_n", options.dry.penalty_last_n, 0);
  CheckSteps(options);
  CheckLogitBias(options.logit_bias, num_tokens);
  CheckBreakers(options.dry.sequence_breakers, num_tokens);
}

std::string DescribeSampling(const SamplingOptions& options) {
  const SamplingOptions plain;
  std::string text = fmt::format("temperature {}", options.temperature);
  const auto add = [&](std::string_view name, const auto& value) {
    text += fmt::format(", {} {}", name, value);
  };
  if (options.top_k != 0) add("top_k", options.top_k);
  for (const NumberField& field : NumberFields(options)) {
    if (field.name != "temperature" && field.value != field.neutral) add(field.name, field.value);
  }
  if (options.xtc_probability != 0) add("xtc_threshold", options.xtc_threshold);
  if (options.dry.multiplier != 0) {
    add("dry_base", options.dry.base);
    add("dry_allowed_length", options.dry.allowed_length);
    if (options.dry.penalty_last_n) add("dry_penalty_last_n", *options.dry.penalty_last_n);
  }
  if (options.penalty_last_n) add("penalty_last_n", *options.penalty_last_n);
  if (options.counted_tokens != plain.counted_tokens) add("counted_tokens", "prompt and output");
  if (!options.logit_bias.empty()) add("logit_bias of tokens:", options.logit_bias.size());
  if (options.min_tokens != 0) add("min_tokens", options.min_tokens);
  if (options.steps != plain.steps) {
    text += ", samplers";
    for (const SamplingStep step : options.steps) text += fmt::format(" {}", NameOf(step));
  }
  return text + fmt::format(", seed {}", options.seed);
}

}  // namespace trinity
