#include "cli/sampling_flags.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>
#include <string_view>

#include "base/error.h"
#include "cli/flag_value.h"
#include "generate/sequence_breakers.h"

namespace trinity {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Replaces `value` where something was given.
class Overrider {
 public:
  explicit Overrider(ChosenSampling& chosen) : chosen_(chosen) {}

  template <class T, class U>
  void Set(const char* name, const std::optional<U>& given, T& value) {
    if (!given) return;
    value = *given;
    chosen_.sources[name] = "flag";
  }

  // A count of tokens for which -1 means all.
  void SetLastN(const char* name, std::optional<int64_t> given, std::optional<int64_t>& value) {
    if (!given) return;
    value = *given < 0 ? std::nullopt : given;
    chosen_.sources[name] = "flag";
  }

 private:
  ChosenSampling& chosen_;
};

std::vector<std::string> SplitNames(const std::string& text) {
  std::vector<std::string> names(1);
  for (const char c : text) {
    if (c == ';' || c == ',') {
      names.emplace_back();
    } else if (c != ' ') {
      names.back() += c;
    }
  }
  return names;
}

std::vector<SamplingStep> ParseSteps(const std::string& text) {
  if (text.empty()) return {};
  return ParseSamplingSteps(SplitNames(text));
}

int32_t ParseId(const std::string& text) {
  return static_cast<int32_t>(
      ParseIntegerFlag("--logit-bias: token id", text, 0, std::numeric_limits<int32_t>::max()));
}

LogitBias ParseOneBias(const std::string& text) {
  const size_t id_end = text.find_first_not_of("0123456789");
  const std::string id = text.substr(0, id_end);
  if (id.empty() || id_end == std::string::npos) {
    throw UsageError(
        fmt::format("--logit-bias: expected ID+BIAS, ID-BIAS, ID:BIAS or a JSON object, found "
                    "\"{}\"",
                    Printable(text)));
  }
  std::string bias = text.substr(id_end);
  if (bias[0] == '+' || bias[0] == ':' || bias[0] == '=') bias.erase(0, 1);
  if (bias == "-inf" || bias == "false") return {ParseId(id), -kInfinity};
  return {ParseId(id), ParseNumberFlag("--logit-bias", bias, -1e6, 1e6)};
}

// Switches off what no flag has set and whose step the given order leaves out: the model's authors
// advise for an order of their own.
void SwitchOffLeftOut(ChosenSampling& chosen) {
  SamplingOptions& o = chosen.options;
  const auto switch_off = [&](const char* name, SamplingStep step, auto& value, auto off) {
    const auto source = chosen.sources.find(name);
    const bool is_default = source != chosen.sources.end() && source->second != "flag";
    if (!is_default || std::count(o.steps.begin(), o.steps.end(), step) > 0) return;
    value = off;
    source->second = "off, left out of samplers";
  };
  // Always to take the most likely token is no work of the temperature's step.
  if (!chosen.is_greedy()) {
    switch_off("temperature", SamplingStep::kTemperature, o.temperature, 1);
  }
  switch_off("top_k", SamplingStep::kTopK, o.top_k, 0);
  switch_off("top_p", SamplingStep::kTopP, o.top_p, 1);
  switch_off("min_p", SamplingStep::kMinP, o.min_p, 0);
  switch_off("typical_p", SamplingStep::kTypicalP, o.typical_p, 1);
  switch_off("repetition_penalty", SamplingStep::kPenalties, o.repetition_penalty, 1);
}

// Whether a value has a say only where more than the most likely token can be picked.
bool ChoosesAmongSeveral(std::string_view name) {
  constexpr std::array<std::string_view, 7> kNames = {
      "top_k", "top_p", "min_p", "typical_p", "top_n_sigma", "xtc_probability", "xtc_threshold"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Json ToJson(const std::optional<int64_t>& count) { return count ? Json(*count) : Json(); }

Json BiasJson(const std::vector<LogitBias>& biases) {
  Json json = Json::object();
  for (const LogitBias& bias : biases) {
    json[std::to_string(bias.id)] = std::isfinite(bias.bias) ? Json(bias.bias) : Json("-inf");
  }
  return json;
}

void AddTruncation(SamplingFlags& flags, CommandLine& line) {
  line.AddInteger("--top-k,--top_k", flags.top_k, {-1},
                  "Keep the N most likely tokens; 0 or -1: all");
  line.AddNumber("--top-p,--top_p,--nucleus", flags.top_p, {0, 1},
                 "Keep the fewest most likely tokens that hold this share of the probability; 1: "
                 "all");
  line.AddNumber("--min-p,--min_p", flags.min_p, {0, 1},
                 "Keep tokens at least this likely, relative to the most likely; 0: all");
  line.AddNumber("--typical-p,--typical,--typ-p,--typical_p", flags.typical_p, {0, 1},
                 "Keep the fewest tokens of about the expected surprise that hold this share; 1: "
                 "all");
  line.AddNumber("--top-n-sigma,--top-nsigma,--top_n_sigma", flags.top_n_sigma, {-1, 100},
                 "Keep logits at most X standard deviations below the largest; 0 or -1: all");
  line.AddNumber("--xtc-probability,--xtc_probability", flags.xtc_probability, {0, 1},
                 "With this probability leave out all likely tokens but the least likely of them");
  line.AddNumber("--xtc-threshold,--xtc_threshold", flags.xtc_threshold, {0, 1},
                 "What counts as likely for --xtc-probability; default 0.1");
}

void AddPenalties(SamplingFlags& flags, CommandLine& line) {
  line.AddNumber("--repetition-penalty,--repeat-penalty,--repetition_penalty",
                 flags.repetition_penalty, {0, 100},
                 "Makes tokens that occurred less likely: divides positive logits, multiplies "
                 "negative ones; 1: off");
  line.AddNumber("--presence-penalty,--presence_penalty", flags.presence_penalty, {-100, 100},
                 "Taken off the logits of tokens that occurred; 0: off");
  line.AddNumber("--frequency-penalty,--frequency_penalty", flags.frequency_penalty, {-100, 100},
                 "Taken off the logits of tokens for each time they occurred; 0: off");
  line.AddInteger("--penalty-last-n,--repeat-last-n,--penalty_last_n", flags.penalty_last_n, {-1},
                  "How many of the last tokens the three penalties look at; 0: none, -1: all "
                  "(default)");
  line.AddChoice("--counted-tokens", flags.counted_tokens, {"output", "all"},
                 "Whether presence and frequency are counted in the answer alone (default, as "
                 "OpenAI and vLLM do) or in the prompt too (as llama.cpp does)");
  line.AddNumber("--dry-multiplier,--dry_multiplier", flags.dry_multiplier, {0, 100},
                 "Strength of DRY, which makes it unlikely that passages are repeated; 0: off");
  line.AddNumber("--dry-base,--dry_base", flags.dry_base, {1, 100},
                 "How much DRY grows with each repeated token; default 1.75");
  line.AddInteger("--dry-allowed-length,--dry_allowed_length", flags.dry_allowed_length, {1},
                  "Longest passage that DRY lets pass; default 2");
  line.AddInteger("--dry-penalty-last-n,--dry_penalty_last_n", flags.dry_penalty_last_n, {-1},
                  "How many of the last tokens DRY looks at; 0: none, -1: all (default)");
  line.AddTexts("--dry-sequence-breaker,--dry_sequence_breaker", flags.dry_sequence_breakers,
                "TEXT",
                "No passage goes over this text; may be given several times, \"none\": nothing "
                "breaks. Default: newline, colon, double quote, asterisk");
}

}  // namespace

void SamplingFlags::AddTo(CommandLine& line) {
  line.AddNumber("--temperature,--temp", temperature, {0, 100},
                 "0: always the most likely token; above: drawn at random, the higher the wilder. "
                 "Default, as of the other sampling flags: what generation_config.json or the "
                 "model's card advises, else 0");
  line.AddSeed("-s,--seed", seed,
               "Of the random numbers; the same seed gives the same answer. Default: a new one "
               "each time, shown at the end");
  AddTruncation(*this, line);
  AddPenalties(*this, line);
  line.AddTexts("-l,--logit-bias,--logit_bias", logit_bias, "ID+BIAS",
                "Added to the logit of a token: 15+2.5, 15-1, 15-inf (never), or a JSON object "
                "{\"15\": 2.5}; may be given several times");
  line.AddInteger("--min-tokens,--min_tokens", min_tokens, {0},
                  "The answer does not end before it has so many tokens");
  line.AddText(
      "--samplers", samplers, "NAMES",
      "The steps of sampling in their order, separated by semicolons; default "
      "penalties;dry;top_n_sigma;top_k; typical_p;top_p;min_p;xtc;temperature. What the model "
      "advises for a step that is left out is off");
}

std::vector<LogitBias> ParseLogitBias(const std::string& text) {
  if (!text.starts_with('{')) return {ParseOneBias(text)};
  std::vector<LogitBias> biases;
  try {
    const Json object = ParseJson(text, "--logit-bias");
    for (const auto& [id, bias] : object.items()) {
      if (!bias.is_number()) {
        throw UsageError(fmt::format("--logit-bias: {}: expected a number, found {}", Printable(id),
                                     Printable(bias.dump())));
      }
      biases.push_back({ParseId(id), bias.get<double>()});
    }
  } catch (const UsageError&) {
    throw;
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  return biases;
}

void SamplingFlags::OverrideTruncation(ChosenSampling& chosen) const {
  SamplingOptions& o = chosen.options;
  Overrider overrider(chosen);
  overrider.Set("temperature", temperature, o.temperature);
  overrider.Set("top_k", top_k, o.top_k);
  o.top_k = std::max<int64_t>(o.top_k, 0);
  overrider.Set("top_p", top_p, o.top_p);
  overrider.Set("min_p", min_p, o.min_p);
  overrider.Set("typical_p", typical_p, o.typical_p);
  overrider.Set("top_n_sigma", top_n_sigma, o.top_n_sigma);
  o.top_n_sigma = std::max(o.top_n_sigma, 0.0);
  overrider.Set("xtc_probability", xtc_probability, o.xtc_probability);
  overrider.Set("xtc_threshold", xtc_threshold, o.xtc_threshold);
}

void SamplingFlags::OverridePenalties(ChosenSampling& chosen) const {
  SamplingOptions& o = chosen.options;
  Overrider overrider(chosen);
  overrider.Set("repetition_penalty", repetition_penalty, o.repetition_penalty);
  overrider.Set("presence_penalty", presence_penalty, o.presence_penalty);
  overrider.Set("frequency_penalty", frequency_penalty, o.frequency_penalty);
  overrider.SetLastN("penalty_last_n", penalty_last_n, o.penalty_last_n);
  std::optional<CountedTokens> counted;
  if (counted_tokens == "all") counted = CountedTokens::kPromptAndOutput;
  if (counted_tokens == "output") counted = CountedTokens::kOutput;
  overrider.Set("counted_tokens", counted, o.counted_tokens);
  overrider.Set("dry_multiplier", dry_multiplier, o.dry.multiplier);
  overrider.Set("dry_base", dry_base, o.dry.base);
  overrider.Set("dry_allowed_length", dry_allowed_length, o.dry.allowed_length);
  overrider.SetLastN("dry_penalty_last_n", dry_penalty_last_n, o.dry.penalty_last_n);
}

ChosenSampling SamplingFlags::Choose(const SamplingDefaults& defaults, const Tokenizer& tokenizer,
                                     int64_t num_tokens) const {
  ChosenSampling chosen;
  chosen.options = defaults.options;
  for (const SamplingDefaults::Value& value : defaults.values) {
    chosen.sources[value.name] = value.source;
  }
  OverrideTruncation(chosen);
  OverridePenalties(chosen);
  SamplingOptions& o = chosen.options;
  Overrider overrider(chosen);
  overrider.Set("min_tokens", min_tokens, o.min_tokens);
  std::optional<std::vector<LogitBias>> biases;
  for (const std::string& text : logit_bias) {
    if (!biases) biases.emplace();
    for (const LogitBias& bias : ParseLogitBias(text)) biases->push_back(bias);
  }
  overrider.Set("logit_bias", biases, o.logit_bias);
  o.seed = seed ? *seed : std::random_device()();
  try {
    if (o.dry.multiplier > 0) {
      std::vector<std::string> texts = DefaultSequenceBreakers();
      if (!dry_sequence_breakers.empty()) texts = dry_sequence_breakers;
      if (texts == std::vector<std::string>{"none"}) texts.clear();
      o.dry.sequence_breakers = FindSequenceBreakers(tokenizer, texts);
    }
    if (samplers) overrider.Set("samplers", std::optional(ParseSteps(*samplers)), o.steps);
    SwitchOffLeftOut(chosen);
    ValidateSampling(o, num_tokens);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  return chosen;
}

std::vector<std::string> SamplingFlags::IdleFlags(const ChosenSampling& chosen) const {
  std::vector<std::string> names;
  if (chosen.is_greedy()) {
    if (top_k) names.emplace_back("--top-k");
    if (top_p) names.emplace_back("--top-p");
    if (min_p) names.emplace_back("--min-p");
    if (typical_p) names.emplace_back("--typical-p");
    if (top_n_sigma) names.emplace_back("--top-n-sigma");
    if (xtc_probability) names.emplace_back("--xtc-probability");
  }
  return names;
}

std::string ChosenSampling::ToText() const {
  std::string text = DescribeSampling(options);
  if (is_greedy()) {
    // What chooses among several tokens has no say.
    SamplingOptions greedy = options;
    greedy.top_k = 0;
    greedy.top_p = greedy.typical_p = 1;
    greedy.min_p = greedy.top_n_sigma = greedy.xtc_probability = 0;
    text = DescribeSampling(greedy);
    text = fmt::format("greedy: {}", text.substr(0, text.rfind(", seed")));
  }
  std::map<std::string, std::vector<std::string>> names_by_source;
  for (const auto& [name, source] : sources) {
    if (!is_greedy() || !ChoosesAmongSeveral(name)) names_by_source[source].push_back(name);
  }
  std::vector<std::string> parts;
  for (const auto& [source, names] : names_by_source) {
    parts.push_back(fmt::format("{}: {}", source, fmt::join(names, ", ")));
  }
  return fmt::format("{} ({})", text, fmt::join(parts, "; "));
}

Json ChosenSampling::ToJson() const {
  const SamplingOptions& o = options;
  Json json = {{"temperature", o.temperature},
               {"seed", is_greedy() ? Json() : Json(o.seed)},
               {"top_k", o.top_k},
               {"top_p", o.top_p},
               {"min_p", o.min_p},
               {"typical_p", o.typical_p},
               {"top_n_sigma", o.top_n_sigma},
               {"xtc_probability", o.xtc_probability},
               {"xtc_threshold", o.xtc_threshold},
               {"repetition_penalty", o.repetition_penalty},
               {"presence_penalty", o.presence_penalty},
               {"frequency_penalty", o.frequency_penalty},
               {"penalty_last_n", trinity::ToJson(o.penalty_last_n)},
               {"counted_tokens", o.counted_tokens == CountedTokens::kOutput ? "output" : "all"},
               {"dry_multiplier", o.dry.multiplier},
               {"dry_base", o.dry.base},
               {"dry_allowed_length", o.dry.allowed_length},
               {"dry_penalty_last_n", trinity::ToJson(o.dry.penalty_last_n)},
               {"logit_bias", BiasJson(o.logit_bias)},
               {"min_tokens", o.min_tokens}};
  json["samplers"] = Json::array();
  for (const SamplingStep step : o.steps) json["samplers"].push_back(NameOf(step));
  json["sources"] = Json::object();
  for (const auto& [name, source] : sources) json["sources"][name] = source;
  return json;
}

}  // namespace trinity
