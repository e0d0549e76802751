#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/engine_request.h"
#include "engine/prompt_observation.h"
#include "engine/request_listener.h"
#include "engine/sequence.h"

namespace trinity {

// A request that an engine has taken, with its answers and what is counted of them.
struct ActiveRequest {
  using Clock = std::chrono::steady_clock;

  // Throws Error for bad values of sampling and stop strings. The tokenizer must outlive it.
  ActiveRequest(RequestId request_id, EngineRequest engine_request,
                std::shared_ptr<RequestListener> request_listener, const Tokenizer& tokenizer);

  int64_t num_prompt_ids() const {
    return static_cast<int64_t>(request.text.tokens.prompt_ids.size());
  }
  // Counts the times and calls OnEnd; the answers have ended.
  void End();

  RequestId id;
  EngineRequest request;
  std::shared_ptr<RequestListener> listener;
  std::vector<std::unique_ptr<Sequence>> sequences;  // [num_answers]
  int64_t num_unfinished;

  PromptObservation observation;  // by the rows of answer 0
  RequestUsage usage;
  Clock::time_point arrival = Clock::now();
  std::optional<Clock::time_point> begin;        // of its first step
  std::optional<Clock::time_point> first_token;  // or the end of a prompt without answer
};

}  // namespace trinity
