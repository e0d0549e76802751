#include "engine/engine_request.h"

#include "base/error.h"
#include "base/random.h"
#include "engine/refusal_kinds.h"

namespace trinity {
namespace {

// Separates these numbers from all others that the same seed gives.
constexpr uint64_t kAnswerStream = 3;

void CheckRange(std::string_view field, int64_t value, int64_t least, int64_t most) {
  if (value < least || value > most) {
    Fail("{}: expected {} to {}, found {}", field, least, most, value);
  }
}

void CheckPrompt(const EngineRequest& request, int64_t vocab_size, int64_t max_context) {
  const std::vector<int32_t>& ids = request.text.tokens.prompt_ids;
  if (ids.empty()) Fail("prompt: expected at least one token, found none");
  if (static_cast<int64_t>(ids.size()) > max_context) {
    throw PromptTooLong(
        fmt::format("prompt: expected at most {} tokens, what the context holds, found {}",
                    max_context, ids.size()));
  }
  // Padding rows of the head have no probability.
  const int64_t num_ids = request.num_prompt_logprobs ? request.text.tokens.num_tokens : vocab_size;
  for (const int32_t id : ids) {
    if (id < 0 || id >= num_ids) {
      Fail("prompt: token id {}: expected 0 to {}", id, num_ids - 1);
    }
  }
}

}  // namespace

uint64_t SeedOfAnswer(uint64_t seed, int64_t answer) {
  if (answer == 0) return seed;
  const auto bits = RandomBits(seed, kAnswerStream, static_cast<uint64_t>(answer));
  return (uint64_t{bits[0]} << 32) | bits[1];
}

void ValidateRequest(const EngineRequest& request, int64_t vocab_size, int64_t max_context) {
  const int64_t num_tokens = request.text.tokens.num_tokens;
  CheckRange("num_tokens", num_tokens, 1, vocab_size);
  CheckPrompt(request, vocab_size, max_context);
  CheckRange("n", request.num_answers, 1, kMaxAnswers);
  CheckRange("prompt_logprobs", request.num_prompt_logprobs.value_or(0), 0, num_tokens);
  CheckRange("priority", request.priority, -kMaxPriority, kMaxPriority);
}

}  // namespace trinity
