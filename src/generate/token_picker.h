#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "generate/generation_request.h"
#include "generate/sampler.h"
#include "generate/token_logprobs.h"

namespace trinity {

struct PickedToken {
  int32_t id = 0;
  bool is_stop = false;                        // one of stop_ids: not part of the answer
  std::optional<TokenLogprobs> logprobs = {};  // where they were asked for
};

// Picks the tokens of one answer from logits that somebody else computes.
class TokenPicker {
 public:
  // Throws Error where the request's values are out of range.
  explicit TokenPicker(const GenerationRequest& request);

  // `ids`: everything before the answer.
  void Begin(std::span<const int32_t> ids) { sampler_.Begin(ids); }

  // How many of the largest of `vocab_size` logits Pick looks at; absent where it may be all.
  std::optional<int64_t> NumDecidingLogits(int64_t vocab_size) const;

  // `logits`: [vocab_size], after `length` tokens.
  PickedToken Pick(std::span<const float> logits, int64_t length);

 private:
  std::vector<int32_t> stop_ids_;
  int64_t num_tokens_;
  std::optional<int64_t> num_logprobs_;
  Sampler sampler_;
};

}  // namespace trinity
