#include "generate/generation.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"

namespace trinity {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

std::string_view NameOf(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kCancelled:
      return "cancelled";
  }
  return "";
}

Generation::Generation(Session& session, GenerationRequest request)
    : session_(session),
      request_(std::move(request)),
      sampler_(request_.sampling, request_.num_tokens, request_.stop_ids) {
  if (request_.num_logprobs && *request_.num_logprobs < 0) {
    Fail("logprobs: expected an integer from 0 on, found {}", *request_.num_logprobs);
  }
  if (request_.max_tokens && *request_.max_tokens < 0) {
    Fail("max_tokens: expected an integer from 0 on, found {}", *request_.max_tokens);
  }
}

std::optional<int32_t> Generation::Next(const CancelToken& cancel) {
  if (is_finished_) return std::nullopt;
  const auto num_picked = static_cast<int64_t>(result_.token_ids.size());
  const bool is_long_enough = request_.max_tokens && num_picked >= *request_.max_tokens;
  const bool is_first = num_picked == 0;
  if (!is_first && (is_long_enough || session_.length() >= session_.max_context())) {
    return Finish(FinishReason::kLength);
  }
  const Clock::time_point start = Clock::now();
  const std::span<const float> logits = ComputeLogits(cancel);
  if (is_first) result_.prefill_s = SecondsSince(start);
  if (logits.empty() || cancel.is_cancelled()) return Finish(FinishReason::kCancelled);
  if (is_long_enough) return Finish(FinishReason::kLength);

  const Clock::time_point pick_start = is_first ? Clock::now() : start;
  const int32_t id = sampler_.Pick(logits, session_.length());
  const bool is_stop =
      std::find(request_.stop_ids.begin(), request_.stop_ids.end(), id) != request_.stop_ids.end();
  if (!is_stop) {
    sampler_.Accept(id);
    result_.token_ids.push_back(id);
    if (request_.num_logprobs) {
      result_.logprobs.push_back(
          TopLogprobs(logits, request_.num_tokens, id, *request_.num_logprobs));
    }
  }
  result_.decode_s += SecondsSince(pick_start);
  return is_stop ? Finish(FinishReason::kStop) : std::optional(id);
}

void Generation::Stop() { Finish(FinishReason::kStop); }

std::span<const float> Generation::ComputeLogits(const CancelToken& cancel) {
  if (result_.token_ids.empty()) {
    const std::span<const float> logits = session_.Append(request_.prompt_ids, cancel);
    sampler_.Begin(session_.token_ids());
    return logits;
  }
  const std::span<const float> logits = session_.Append({&result_.token_ids.back(), 1}, cancel);
  ++result_.num_decode_steps;
  return logits;
}

std::optional<int32_t> Generation::Finish(FinishReason reason) {
  is_finished_ = true;
  result_.finish_reason = reason;
  return std::nullopt;
}

}  // namespace trinity
