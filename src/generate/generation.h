#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/cancel_token.h"
#include "generate/generation_request.h"
#include "generate/session.h"
#include "generate/token_logprobs.h"
#include "generate/token_picker.h"

namespace trinity {

enum class FinishReason {
  kStop,    // a stop id was picked, or a stop string completed
  kLength,  // max_tokens or the context was reached
  kCancelled,
};

std::string_view NameOf(FinishReason reason);

struct GenerationResult {
  std::vector<int32_t> token_ids;       // without the stop id
  std::vector<TokenLogprobs> logprobs;  // one for each of token_ids where they were asked for
  FinishReason finish_reason = FinishReason::kLength;
  double prefill_s = 0;  // until the first logits
  double decode_s = 0;   // of all steps after
  int64_t num_decode_steps = 0;
};

// One continuation of a session, token by token: appends the prompt, then picks and appends tokens
// until something ends it. The last picked id is not appended: it stands at the beginning of what a
// next call appends. What the session holds already counts as part of the prompt for penalties. The
// session must outlive it, and belongs to it until the last call.
class Generation {
 public:
  // Throws Error where the request's values are out of range; nothing is computed yet.
  Generation(Session& session, GenerationRequest request);

  // The next token, or nothing: result().finish_reason then says why. Throws Error as
  // Session::Append does.
  std::optional<int32_t> Next(const CancelToken& cancel);

  // Ends it because of what was found in its text.
  void Stop();

  const GenerationResult& result() const { return result_; }
  GenerationResult TakeResult() { return std::move(result_); }

 private:
  std::span<const float> ComputeLogits(const CancelToken& cancel);
  std::optional<int32_t> Finish(FinishReason reason);

  Session& session_;
  GenerationRequest request_;
  TokenPicker picker_;
  bool is_finished_ = false;
  GenerationResult result_;
};

}  // namespace trinity
