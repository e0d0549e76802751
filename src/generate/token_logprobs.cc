#include "generate/token_logprobs.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "generate/best_logits.h"
#include "kernels/elementwise.h"

namespace trinity {

TokenLogprobs TopLogprobs(std::span<const float> logits, int64_t num_tokens, int32_t picked_id,
                          int64_t num_top) {
  TRINITY_CHECK(num_tokens > 0 && num_top >= 0);
  logits = logits.first(std::min(logits.size(), static_cast<size_t>(num_tokens)));
  TRINITY_CHECK(picked_id >= 0 && static_cast<size_t>(picked_id) < logits.size());
  const double total = LogSumExp(logits.data(), static_cast<int64_t>(logits.size()));
  const auto logprob_of = [&](int32_t id) {
    const double logprob = static_cast<double>(logits[static_cast<size_t>(id)]) - total;
    // Not a number only where logits are not finite.
    const bool is_number = !std::isnan(logprob);
    return TokenLogprob{id, is_number ? logprob : -std::numeric_limits<double>::infinity()};
  };
  TokenLogprobs logprobs;
  logprobs.picked = logprob_of(picked_id);
  for (const int32_t id : BestLogits(logits, num_top)) logprobs.top.push_back(logprob_of(id));
  return logprobs;
}

}  // namespace trinity
