#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/keep_points.h"
#include "generate/answer_text.h"
#include "generate/generation.h"
#include "generate/token_logprobs.h"
#include "generate/token_picker.h"
#include "model/kv_cache.h"

namespace trinity {

struct ActiveRequest;
class PromptObservation;

// One answer of a request: its tokens, the prompt's included, and while it runs their cache.
class Sequence {
 public:
  // Throws Error for bad values of sampling and stop strings. The request holds the sequence.
  Sequence(ActiveRequest& request, int64_t answer, const Tokenizer& tokenizer);

  // Picks the next token from the logits after all of ids(), tells the listener, and says why that
  // was the last one, if it was. `max_context`: tokens that a cache holds at most.
  std::optional<FinishReason> TakeLogits(std::span<const float> logits, int64_t max_context);
  // How many of the largest logits TakeLogits looks at; absent where it may be all.
  std::optional<int64_t> NumDecidingLogits(int64_t vocab_size) const {
    return picker_.NumDecidingLogits(vocab_size);
  }
  // There are no more tokens: tells the listener, once.
  void Finish(FinishReason reason);

  ActiveRequest& request() const { return request_; }
  int64_t answer() const { return answer_; }
  const std::vector<int32_t>& ids() const { return ids_; }
  int64_t length() const { return static_cast<int64_t>(ids_.size()); }
  // Those that have gone through the model and stand in the cache.
  std::span<const int32_t> computed_ids() const {
    return std::span(ids_).first(static_cast<size_t>(cache->length()));
  }
  // Tokens that have not gone through the model yet; one while the answer grows.
  int64_t num_remaining() const { return length() - (cache ? cache->length() : 0); }
  // The one whose rows tell what is asked about the prompt, if anything still is.
  PromptObservation* observation() const;
  bool is_finished() const { return is_finished_; }

  std::optional<KvCache> cache;  // there while it runs
  KeepPoints keep_points;
  // A running sequence computes the beginning that this one shares with it: this one waits until
  // that one has come to `length`.
  struct Wait {
    const Sequence* other;
    int64_t length;
  };
  std::optional<Wait> waits_for;

 private:
  ActiveRequest& request_;
  int64_t answer_;
  std::vector<int32_t> ids_;
  TokenPicker picker_;
  AnswerText text_;
  std::optional<TokenLogprobs> stop_logprobs_;  // of the stop id that was picked
  bool is_finished_ = false;
};

}  // namespace trinity
