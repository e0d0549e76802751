#include "generate/token_logprobs.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "kernels/best_logits.h"
#include "kernels/log_sum_exp.h"

namespace trinity {

LogSoftmax::LogSoftmax(std::span<const float> logits)
    : logits_(logits), log_sum_(LogSumExp(logits.data(), static_cast<int64_t>(logits.size()))) {}

double LogSoftmax::At(int32_t id) const {
  const double logprob = static_cast<double>(logits_[static_cast<size_t>(id)]) - log_sum_;
  // Not a number only where logits are not finite.
  return std::isnan(logprob) ? -std::numeric_limits<double>::infinity() : logprob;
}

TokenLogprobs TopLogprobs(std::span<const float> logits, int64_t num_tokens, int32_t picked_id,
                          int64_t num_top) {
  TRINITY_CHECK(num_tokens > 0 && num_top >= 0);
  const std::span<const float> tokens =
      logits.first(std::min(logits.size(), static_cast<size_t>(num_tokens)));
  TRINITY_CHECK(picked_id >= 0 && static_cast<size_t>(picked_id) < tokens.size());
  const LogSoftmax log_softmax(logits);
  TokenLogprobs logprobs;
  logprobs.picked = {picked_id, log_softmax.At(picked_id)};
  for (const int32_t id : BestLogits(tokens, num_top)) {
    logprobs.top.push_back({id, log_softmax.At(id)});
  }
  return logprobs;
}

}  // namespace trinity
