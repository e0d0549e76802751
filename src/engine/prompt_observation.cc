#include "engine/prompt_observation.h"

#include <algorithm>

namespace trinity {

PromptObservation::PromptObservation(const EngineRequest& request) : request_(request) {}

int64_t PromptObservation::NumLogprobRows() const {
  if (!request_.num_prompt_logprobs) return 0;
  return static_cast<int64_t>(request_.text.tokens.prompt_ids.size()) - 1;
}

int64_t PromptObservation::NumHiddenRows() const {
  return request_.wants_embedding ? static_cast<int64_t>(request_.text.tokens.prompt_ids.size())
                                  : 0;
}

std::optional<int64_t> PromptObservation::FirstWanted() const {
  std::optional<int64_t> first;
  if (wants_logits()) first = num_logprob_rows_;
  if (wants_hidden()) first = std::min(first.value_or(num_hidden_rows_), num_hidden_rows_);
  return first;
}

void PromptObservation::AddLogits(int64_t position, std::span<const float> logits) {
  if (!wants_logits() || position != num_logprob_rows_) return;
  const GenerationRequest& tokens = request_.text.tokens;
  const int32_t next = tokens.prompt_ids[static_cast<size_t>(position) + 1];
  logprobs_.push_back(TopLogprobs(logits, tokens.num_tokens, next, *request_.num_prompt_logprobs));
  ++num_logprob_rows_;
}

void PromptObservation::AddHidden(int64_t position, std::span<const float> hidden) {
  if (!wants_hidden() || position != num_hidden_rows_) return;
  hidden_sum_.resize(hidden.size());
  for (size_t i = 0; i < hidden.size(); ++i) hidden_sum_[i] += static_cast<double>(hidden[i]);
  ++num_hidden_rows_;
}

void PromptObservation::Report(RequestListener& listener) {
  if (is_reported_ || FirstWanted()) return;
  is_reported_ = true;
  if (request_.num_prompt_logprobs) listener.OnPromptLogprobs(logprobs_);
  if (!request_.wants_embedding) return;
  std::vector<float> mean;
  for (const double sum : hidden_sum_) {
    mean.push_back(static_cast<float>(sum / static_cast<double>(num_hidden_rows_)));
  }
  listener.OnEmbedding(mean);
}

}  // namespace trinity
