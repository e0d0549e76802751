#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/prefix_miss.h"
#include "generate/generation.h"
#include "generate/token_logprobs.h"

namespace trinity {

// How far the prompt of a request has been computed, in tokens.
struct PrefillProgress {
  int64_t num_done = 0;  // those taken from the prefix cache included
  int64_t num_total = 0;
  int64_t num_cached = 0;
};

// A token of an answer.
struct AnswerToken {
  int64_t answer = 0;
  int32_t id = 0;
  const TokenLogprobs* logprobs = nullptr;  // where they were asked for
  std::string_view text;  // that became certain with it: whole characters, maybe none
};

struct AnswerEnd {
  int64_t answer = 0;
  FinishReason reason = FinishReason::kLength;
  std::optional<std::string> stop_string;  // that ended it
  std::string_view text;                   // that had been held back
  // Of the stop id that ended it, which is not part of it, where they were asked for.
  const TokenLogprobs* stop_logprobs = nullptr;
};

struct RequestUsage {
  int64_t num_prompt_tokens = 0;
  int64_t num_cached_tokens = 0;  // of the prompt, taken from the prefix cache
  int64_t num_answer_tokens = 0;  // of all answers, stop ids not counted
  PrefixMiss miss = {};           // why no more of the prompt was cached
  double queued_s = 0;            // until the first step that computed something of it
  double prefill_s = 0;           // from then until the first token
  double decode_s = 0;            // from then until the end
};

enum class RequestFailure {
  kDeadline,  // it was not done in time
  kClosed,    // the engine was stopped
  kStorage,   // what it was computed with could not be read; others may be answered
  kEngine,    // the engine has failed; it answers nobody any more
};

// Hears of one request. Called on the engine's thread, which computes for everybody: it must not
// block, and must not throw. What is passed by pointer, span or view is good during the call.
class RequestListener {
 public:
  RequestListener() = default;
  RequestListener(const RequestListener&) = delete;
  RequestListener& operator=(const RequestListener&) = delete;
  virtual ~RequestListener() = default;

  virtual void OnPrefill(const PrefillProgress& progress) = 0;
  // Entry i belongs to token i + 1 of the prompt: nothing predicts the first.
  virtual void OnPromptLogprobs(std::span<const TokenLogprobs> logprobs) = 0;
  virtual void OnEmbedding(std::span<const float> mean) = 0;  // [hidden_size]
  virtual void OnToken(const AnswerToken& token) = 0;
  virtual void OnAnswerEnd(const AnswerEnd& end) = 0;

  // One of the two is the last call. After a cancel it is OnEnd, with the answers' reason
  // kCancelled.
  virtual void OnEnd(const RequestUsage& usage) = 0;
  virtual void OnFailure(RequestFailure failure, const std::string& message) = 0;
};

}  // namespace trinity
