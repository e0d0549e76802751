#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "base/cancel_token.h"
#include "generate/sampler.h"
#include "generate/session.h"

namespace trinity {

struct GenerationRequest {
  std::vector<int32_t> prompt_ids;    // at least one
  std::optional<int64_t> max_tokens;  // absent: what the context holds
  std::vector<int32_t> stop_ids;      // any of these ends the text and is not part of it
  int64_t num_tokens = 0;             // ids at and above it are never picked
  SamplingOptions sampling;
};

enum class FinishReason {
  kStop,    // a stop id was picked
  kLength,  // max_tokens or the context was reached
  kCancelled,
};

std::string_view NameOf(FinishReason reason);

struct GenerationResult {
  std::vector<int32_t> token_ids;  // without the stop id
  FinishReason finish_reason = FinishReason::kLength;
  double prefill_s = 0;  // until the first logits
  double decode_s = 0;   // of all steps after
  int64_t num_decode_steps = 0;
};

// Called with each id as it is picked, before the next is computed.
using TokenCallback = std::function<void(int32_t id)>;

// Appends the prompt to `session`, then picks and appends tokens until something ends it. The last
// picked id is not appended: it stands at the beginning of what a next call appends.
GenerationResult Generate(Session& session, const GenerationRequest& request,
                          const TokenCallback& on_token, const CancelToken& cancel);

}  // namespace trinity
