#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "load/completion_stream.h"
#include "load/event_stream_reader.h"
#include "load/load_run.h"
#include "load/response_listener.h"

namespace trinity {

// Listens to one streamed completion, and tells what became of it.
class StreamedRequest : public ResponseListener {
 public:
  using Clock = std::chrono::steady_clock;

  // Starts now. beginning: from which the outcome's times count. max_tokens: of the answer.
  StreamedRequest(int64_t prompt_index, int64_t max_tokens, Clock::time_point beginning,
                  std::function<void(RequestOutcome)> on_end);

  void OnHead(int status, const std::string& content_type) override;
  void OnBody(std::string_view bytes) override;
  void OnEnd(const LoadFailure* failure) override;

 private:
  double SecondsSinceBeginning() const;
  void CheckEnd() const;

  int64_t max_tokens_;
  Clock::time_point beginning_;
  std::function<void(RequestOutcome)> on_end_;
  RequestOutcome outcome_;
  int status_ = 0;
  std::string error_body_;  // of a response with another status than 200
  EventStreamReader events_;
  CompletionStream completion_;
};

}  // namespace trinity
