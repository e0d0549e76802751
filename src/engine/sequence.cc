#include "engine/sequence.h"

#include <utility>

#include "base/check.h"
#include "engine/active_request.h"

namespace trinity {
namespace {

GenerationRequest TokensOf(const EngineRequest& request, int64_t answer) {
  GenerationRequest tokens = request.text.tokens;
  tokens.sampling.seed = SeedOfAnswer(tokens.sampling.seed, answer);
  return tokens;
}

}  // namespace

Sequence::Sequence(ActiveRequest& request, int64_t answer, const Tokenizer& tokenizer)
    : request_(request),
      answer_(answer),
      ids_(request.request.text.tokens.prompt_ids),
      picker_(TokensOf(request.request, answer)),
      text_(tokenizer, request.request.text.special, request.request.text.stop_strings,
            request.request.text.tokens.sampling.min_tokens) {
  keep_points.Add(length());
  for (const int64_t turn_end : request.request.turn_ends) {
    if (turn_end > 0 && turn_end < length()) keep_points.Add(turn_end);
  }
}

PromptObservation* Sequence::observation() const {
  return answer_ == 0 && request_.observation.FirstWanted() ? &request_.observation : nullptr;
}

std::optional<FinishReason> Sequence::TakeLogits(std::span<const float> logits,
                                                 int64_t max_context) {
  const std::optional<int64_t>& max_tokens = request_.request.text.tokens.max_tokens;
  const int64_t num_before = length();
  const int64_t num_prompt_ids = request_.num_prompt_ids();
  if (num_before == num_prompt_ids) {
    if (!request_.first_token) request_.first_token = ActiveRequest::Clock::now();
    if (max_tokens && *max_tokens == 0) return FinishReason::kLength;
    picker_.Begin(ids_);
  }
  PickedToken picked = picker_.Pick(logits, num_before);
  if (picked.is_stop) {
    stop_logprobs_ = std::move(picked.logprobs);
    return FinishReason::kStop;
  }
  ids_.push_back(picked.id);
  ++request_.usage.num_answer_tokens;
  const std::string text = text_.Append(picked.id);
  request_.listener->OnToken(
      {answer_, picked.id, picked.logprobs ? &*picked.logprobs : nullptr, text});
  if (text_.matched_stop()) return FinishReason::kStop;
  const bool is_long_enough = max_tokens && length() - num_prompt_ids >= *max_tokens;
  if (is_long_enough || num_before >= max_context) return FinishReason::kLength;
  return std::nullopt;
}

void Sequence::Finish(FinishReason reason) {
  TRINITY_CHECK(!is_finished_);
  is_finished_ = true;
  const std::string text = text_.Finish();
  AnswerEnd end;
  end.answer = answer_;
  end.stop_string = text_.matched_stop();
  end.reason = end.stop_string ? FinishReason::kStop : reason;
  end.text = text;
  end.stop_logprobs = stop_logprobs_ ? &*stop_logprobs_ : nullptr;
  request_.listener->OnAnswerEnd(end);
}

}  // namespace trinity
