#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/request_listener.h"

namespace trinity {

// What a RequestListener hears, as values that outlive the call.
struct TokenEvent {
  int64_t answer;
  int32_t id;
  std::optional<TokenLogprobs> logprobs;
  std::string text;
};
struct AnswerEndEvent {
  int64_t answer;
  FinishReason reason;
  std::optional<std::string> stop_string;
  std::string text;
  std::optional<TokenLogprobs> stop_logprobs = {};
};
struct FailureEvent {
  RequestFailure failure;
  std::string message;
};

struct EngineEvent {
  int64_t prompt_index;  // of those of the HTTP request
  std::variant<PrefillProgress, std::vector<TokenLogprobs>, std::vector<float>, TokenEvent,
               AnswerEndEvent, RequestUsage, FailureEvent>
      what;
};

}  // namespace trinity
