#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "generate/text_generation.h"

namespace trinity {

using RequestId = uint64_t;  // ascending in the order of arrival

// What is asked of an engine: a prompt and how to continue it.
struct EngineRequest {
  // Answers are those of GenerateText to the bit, whatever else is computed beside them.
  // max_tokens 0: the prompt alone is computed.
  TextGenerationRequest text = {};
  // Answer 0 draws with sampling.seed, the others with seeds derived from it (SeedOfAnswer).
  int64_t num_answers = 1;
  // Log probabilities of the prompt's own tokens, each with so many of the most probable.
  std::optional<int64_t> num_prompt_logprobs = {};
  // The mean of the prompt's hidden rows after the final norm is wanted.
  bool wants_embedding = false;

  int64_t priority = 0;  // the larger is served first; -100 to 100
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
  // Lengths of beginnings of the prompt that other prompts are likely to share: after the system
  // prompt, after each turn. Those outside of the prompt are ignored.
  std::vector<int64_t> turn_ends = {};
};

inline constexpr int64_t kMaxAnswers = 128;
inline constexpr int64_t kMaxPriority = 100;

// The seed that answer `answer` of a request with `seed` draws with; that of answer 0 is `seed`.
uint64_t SeedOfAnswer(uint64_t seed, int64_t answer);

// Throws Error naming the field where a value is out of range, PromptTooLong where the prompt does
// not fit `max_context` tokens. `vocab_size`: of the model.
void ValidateRequest(const EngineRequest& request, int64_t vocab_size, int64_t max_context);

}  // namespace trinity
