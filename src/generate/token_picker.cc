#include "generate/token_picker.h"

#include <algorithm>

#include "base/error.h"

namespace trinity {

TokenPicker::TokenPicker(const GenerationRequest& request)
    : stop_ids_(request.stop_ids),
      num_tokens_(request.num_tokens),
      num_logprobs_(request.num_logprobs),
      sampler_(request.sampling, request.num_tokens, request.stop_ids) {
  if (num_logprobs_ && *num_logprobs_ < 0) {
    Fail("logprobs: expected an integer from 0 on, found {}", *num_logprobs_);
  }
  if (request.max_tokens && *request.max_tokens < 0) {
    Fail("max_tokens: expected an integer from 0 on, found {}", *request.max_tokens);
  }
}

std::optional<int64_t> TokenPicker::NumDecidingLogits(int64_t vocab_size) const {
  const std::optional<int64_t> num_deciding = sampler_.num_deciding_logits();
  if (num_logprobs_ || !num_deciding) return std::nullopt;
  // Padding rows of the head may be among the largest, but are never picked.
  return std::min(vocab_size, *num_deciding + vocab_size - num_tokens_);
}

PickedToken TokenPicker::Pick(std::span<const float> logits, int64_t length) {
  PickedToken picked;
  picked.id = sampler_.Pick(logits, length);
  picked.is_stop = std::find(stop_ids_.begin(), stop_ids_.end(), picked.id) != stop_ids_.end();
  if (num_logprobs_) picked.logprobs = TopLogprobs(logits, num_tokens_, picked.id, *num_logprobs_);
  if (!picked.is_stop) sampler_.Accept(picked.id);
  return picked;
}

}  // namespace trinity
