#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/fnv_hash.h"
#include "base/json.h"

namespace trinity {

// What a streamed answer of /v1/completions or /v1/chat/completions says, event by event.
class CompletionStream {
 public:
  // Whether the event brings text of the answer. Throws LoadFailure for an event that is no
  // JSON, that says an error, or that is of another shape.
  bool TakeEvent(std::string_view data);

  bool is_done() const { return is_done_; }  // the last event has come
  // Of the text, its log probabilities where they came, and the reason of the end: equal answers
  // have equal digests, however their events were cut.
  uint64_t Digest() const;
  bool has_logprobs() const { return has_logprobs_; }
  // As the server's usage says; absent where it says nothing.
  std::optional<int64_t> num_prompt_tokens() const { return num_prompt_tokens_; }
  std::optional<int64_t> num_cached_tokens() const { return num_cached_tokens_; }
  std::optional<int64_t> num_answer_tokens() const { return num_answer_tokens_; }

 private:
  bool TakeChoice(const Json& choice);
  bool TakeText(const Json& parent, const char* key);
  void TakeLogprobs(const Json& logprobs);
  void TakeUsage(const Json& usage);

  bool is_done_ = false;
  bool has_logprobs_ = false;
  uint64_t text_hash_ = FnvHash("");
  uint64_t logprobs_hash_ = FnvHash("");
  uint64_t end_hash_ = FnvHash("");
  std::optional<int64_t> num_prompt_tokens_;
  std::optional<int64_t> num_cached_tokens_;
  std::optional<int64_t> num_answer_tokens_;
};

}  // namespace trinity
