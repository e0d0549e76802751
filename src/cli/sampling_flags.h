#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/command_line.h"
#include "generate/sampling_defaults.h"
#include "generate/sampling_options.h"
#include "tokenizer/tokenizer.h"

namespace trinity {

// How tokens are picked, and who said so.
struct ChosenSampling {
  SamplingOptions options;
  std::map<std::string, std::string> sources;  // by name: "top_p" -> "generation_config.json"

  bool is_greedy() const { return options.temperature == 0; }
  // "temperature 0.3, top_p 0.9, seed 7 (temperature, top_p: generation_config.json)"
  std::string ToText() const;
  // Every value, and the sources; the seed is null where nothing is drawn.
  Json ToJson() const;
};

// The sampling flags of a command line: every value may be absent.
struct SamplingFlags {
  std::optional<double> temperature;
  std::optional<int64_t> top_k;  // -1 and 0: off
  std::optional<double> top_p;
  std::optional<double> min_p;
  std::optional<double> typical_p;
  std::optional<double> top_n_sigma;
  std::optional<double> xtc_probability;
  std::optional<double> xtc_threshold;
  std::optional<double> repetition_penalty;
  std::optional<double> presence_penalty;
  std::optional<double> frequency_penalty;
  std::optional<int64_t> penalty_last_n;  // -1: all
  std::string counted_tokens;             // "output", "all"; empty: absent
  std::optional<double> dry_multiplier;
  std::optional<double> dry_base;
  std::optional<int64_t> dry_allowed_length;
  std::optional<int64_t> dry_penalty_last_n;  // -1: all
  std::vector<std::string> dry_sequence_breakers;
  std::vector<std::string> logit_bias;
  std::optional<int64_t> min_tokens;
  std::optional<std::string> samplers;
  std::optional<uint64_t> seed;

  void AddTo(CommandLine& line);

  // The defaults with what was given in their place; a new seed where none was given. A default
  // whose step --samplers leaves out is switched off, and its source says so. Throws UsageError for
  // values that do not fit the model or each other.
  ChosenSampling Choose(const SamplingDefaults& defaults, const Tokenizer& tokenizer,
                        int64_t num_tokens) const;

  // The flags that were given and change nothing because the most likely token is always taken.
  std::vector<std::string> IdleFlags(const ChosenSampling& chosen) const;

 private:
  void OverrideTruncation(ChosenSampling& chosen) const;
  void OverridePenalties(ChosenSampling& chosen) const;
};

// "15+2.5", "15:-1" or "15-inf" (ban), or a JSON object {"15": 2.5, "16": -100}. Throws UsageError.
std::vector<LogitBias> ParseLogitBias(const std::string& text);

}  // namespace trinity
