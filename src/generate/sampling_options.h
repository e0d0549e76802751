#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trinity {

// The steps between the logits and the draw, named as llama.cpp names them.
enum class SamplingStep {
  kPenalties,  // repetition, presence and frequency
  kDry,
  kTopNSigma,
  kTopK,
  kTypicalP,
  kTopP,
  kMinP,
  kXtc,
  kTemperature,
};

// The order of llama.cpp.
std::vector<SamplingStep> DefaultSamplingSteps();

std::string_view NameOf(SamplingStep step);

// Steps by their names, in the order given; "typ_p" is taken for "typical_p". Throws Error for a
// name that is unknown or given twice.
std::vector<SamplingStep> ParseSamplingSteps(std::span<const std::string> names);

// Which tokens presence_penalty and frequency_penalty count.
enum class CountedTokens {
  kOutput,           // as vLLM and OpenAI do
  kPromptAndOutput,  // as llama.cpp does
};

// "Don't repeat yourself": a token that would prolong a repeated passage of n tokens,
// n >= allowed_length, loses multiplier * base^(n - allowed_length) from its logit.
struct DryOptions {
  double multiplier = 0;  // 0 to 100; 0: off
  double base = 1.75;     // 1 to 100
  int64_t allowed_length = 2;
  std::optional<int64_t> penalty_last_n = {};  // tokens looked back on; absent: all
  // No passage extends over one of these token sequences; FindSequenceBreakers makes them.
  std::vector<std::vector<int32_t>> sequence_breakers = {};
};

// What is added to the logit of `id` before everything else; -infinity bans it.
struct LogitBias {
  int32_t id;
  double bias;
};

// How a token is picked. The values here leave the model's distribution as it is, except that
// temperature 0 is greedy: the largest logit after logit_bias, min_tokens, penalties and DRY.
struct SamplingOptions {
  double temperature = 0;  // 0 to 100
  uint64_t seed = 0;

  int64_t top_k = 0;     // keeps the k most probable; 0: off
  double top_p = 1;      // keeps the fewest most probable that hold this share; above 0, at most 1
  double min_p = 0;      // keeps p >= min_p * largest p; 0 to 1
  double typical_p = 1;  // keeps the fewest nearest to the entropy that hold this share
  double top_n_sigma = 0;  // keeps logits >= largest - n standard deviations; 0: off
  // With this probability the tokens of p >= threshold are removed except the least probable.
  double xtc_probability = 0;  // 0 to 1
  double xtc_threshold = 0.1;  // 0 to 1

  // The logit of a token in the last penalty_last_n of prompt and output is divided by this where
  // it is positive, else multiplied.
  double repetition_penalty = 1;               // above 0, at most 100
  double presence_penalty = 0;                 // off the logit of tokens that occur; -100 to 100
  double frequency_penalty = 0;                // the same, times the number of occurrences
  std::optional<int64_t> penalty_last_n = {};  // for all three; absent: all
  CountedTokens counted_tokens = CountedTokens::kOutput;
  DryOptions dry = {};

  std::vector<LogitBias> logit_bias = {};
  int64_t min_tokens = 0;  // the stop ids are not picked as one of the first min_tokens
  std::vector<SamplingStep> steps = DefaultSamplingSteps();
};

// Throws Error naming field, expected and found where a value is not a number, is out of range,
// names an id from `num_tokens` on, or belongs to a step that `steps` leaves out.
void ValidateSampling(const SamplingOptions& options, int64_t num_tokens);

// The values that differ from those above, "temperature 0.3, top_k 50", for people.
std::string DescribeSampling(const SamplingOptions& options);

}  // namespace trinity
