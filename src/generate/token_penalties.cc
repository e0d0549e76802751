#include "generate/token_penalties.h"

namespace trinity {

TokenPenalties::TokenPenalties(const SamplingOptions& options)
    : repetition_penalty_(options.repetition_penalty),
      presence_penalty_(options.presence_penalty),
      frequency_penalty_(options.frequency_penalty),
      last_n_(options.penalty_last_n),
      counted_tokens_(options.counted_tokens),
      is_active_((repetition_penalty_ != 1 || presence_penalty_ != 0 || frequency_penalty_ != 0) &&
                 last_n_.value_or(1) > 0) {}

void TokenPenalties::CountLast(const TokenHistory& history) {
  if (!is_active_) return;
  const size_t last = history.ids.size() - 1;
  Change(history, last, 1);
  if (!last_n_) return;
  const auto window = static_cast<size_t>(*last_n_);
  if (last >= window) Change(history, last - window, -1);
}

void TokenPenalties::Change(const TokenHistory& history, size_t index, int64_t change) {
  const int32_t id = history.ids[index];
  Count& count = counts_[id];
  count.repeated += change;
  if (counted_tokens_ == CountedTokens::kPromptAndOutput || index >= history.num_prompt_ids) {
    count.counted += change;
  }
  if (count.repeated == 0) counts_.erase(id);
}

void TokenPenalties::Apply(Candidates& candidates) const {
  const std::span<float> logits = candidates.logits();
  for (const auto& [id, count] : counts_) {
    const std::optional<size_t> index = candidates.FindIndex(id);
    if (!index) continue;
    const double logit = logits[*index];
    const double repeated = logit > 0 ? logit / repetition_penalty_ : logit * repetition_penalty_;
    logits[*index] = FiniteLogit(repeated);
    if (count.counted == 0) continue;
    candidates.Lower(*index,
                     presence_penalty_ + frequency_penalty_ * static_cast<double>(count.counted));
  }
}

}  // namespace trinity
