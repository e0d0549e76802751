#include "generate/generation.h"

#include <chrono>
#include <utility>

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
    : session_(session), request_(std::move(request)), picker_(request_) {}

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
  PickedToken picked = picker_.Pick(logits, session_.length());
  if (!picked.is_stop) {
    result_.token_ids.push_back(picked.id);
    if (picked.logprobs) result_.logprobs.push_back(std::move(*picked.logprobs));
  }
  result_.decode_s += SecondsSince(pick_start);
  return picked.is_stop ? Finish(FinishReason::kStop) : std::optional(picked.id);
}

void Generation::Stop() { Finish(FinishReason::kStop); }

std::span<const float> Generation::ComputeLogits(const CancelToken& cancel) {
  const std::optional<int64_t> num_best =
      picker_.NumDecidingLogits(session_.model().config().vocab_size);
  if (result_.token_ids.empty()) {
    const std::span<const float> logits = session_.Append(request_.prompt_ids, cancel, num_best);
    picker_.Begin(session_.token_ids());
    return logits;
  }
  const std::span<const float> logits =
      session_.Append({&result_.token_ids.back(), 1}, cancel, num_best);
  ++result_.num_decode_steps;
  return logits;
}

std::optional<int32_t> Generation::Finish(FinishReason reason) {
  is_finished_ = true;
  result_.finish_reason = reason;
  return std::nullopt;
}

}  // namespace trinity
