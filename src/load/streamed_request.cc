#include "load/streamed_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "load/server_error.h"

namespace trinity {
namespace {

constexpr int kOk = 200;
constexpr size_t kMostErrorBytes = 64 << 10;
// A token may be cut into several events where it ends several characters.
constexpr size_t kMostEventsPerToken = 8;

}  // namespace

StreamedRequest::StreamedRequest(int64_t prompt_index, int64_t max_tokens,
                                 Clock::time_point beginning,
                                 std::function<void(RequestOutcome)> on_end)
    : max_tokens_(max_tokens), beginning_(beginning), on_end_(std::move(on_end)) {
  outcome_.prompt_index = prompt_index;
  outcome_.start_s = SecondsSinceBeginning();
}

double StreamedRequest::SecondsSinceBeginning() const {
  return std::chrono::duration<double>(Clock::now() - beginning_).count();
}

void StreamedRequest::OnHead(int status, const std::string& content_type) {
  status_ = status;
  if (status == kOk && !content_type.starts_with("text/event-stream")) {
    throw LoadFailure("not a stream", fmt::format("expected text/event-stream, found \"{}\"",
                                                  Printable(content_type)));
  }
}

void StreamedRequest::OnBody(std::string_view bytes) {
  if (status_ != kOk) {
    error_body_ += bytes.substr(0, kMostErrorBytes - std::min(kMostErrorBytes, error_body_.size()));
    return;
  }
  const double now_s = SecondsSinceBeginning();
  for (const std::string& data : events_.Append(bytes)) {
    if (!completion_.TakeEvent(data)) continue;
    outcome_.text_times_s.push_back(now_s);
    if (outcome_.text_times_s.size() > static_cast<size_t>(max_tokens_) * kMostEventsPerToken) {
      throw LoadFailure("answer too long",
                        fmt::format("expected at most {} tokens, found more", max_tokens_));
    }
  }
}

void StreamedRequest::CheckEnd() const {
  if (status_ != kOk) {
    throw LoadFailure(fmt::format("HTTP {}", status_), ServerErrorTextOfBody(error_body_));
  }
  if (!completion_.is_done()) {
    throw LoadFailure("stream cut", "the stream ended before its last event, [DONE]");
  }
}

void StreamedRequest::OnEnd(const LoadFailure* failure) {
  outcome_.end_s = SecondsSinceBeginning();
  try {
    if (failure != nullptr) throw *failure;
    CheckEnd();
  } catch (const LoadFailure& caught) {
    outcome_.failure = caught;
  }
  outcome_.digest = completion_.Digest();
  outcome_.has_logprobs = completion_.has_logprobs();
  outcome_.num_prompt_tokens = completion_.num_prompt_tokens();
  outcome_.num_cached_tokens = completion_.num_cached_tokens();
  outcome_.num_answer_tokens = completion_.num_answer_tokens();
  on_end_(std::move(outcome_));
}

}  // namespace trinity
