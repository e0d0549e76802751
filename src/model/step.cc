#include "model/step.h"

#include <algorithm>

#include "base/check.h"

namespace trinity {

void Step::Add(KvCache& cache, std::span<const int32_t> ids, int64_t num_logits,
               std::optional<int64_t> num_best) {
  const auto num_rows_added = static_cast<int64_t>(ids.size());
  TRINITY_CHECK(num_logits >= 0 && num_logits <= num_rows_added);
  for (const StepSequence& sequence : sequences_) TRINITY_CHECK(sequence.cache != &cache);
  sequences_.push_back({&cache, num_rows(), num_rows_added, cache.length(), num_best});
  for (int64_t i = 0; i < num_rows_added; ++i) {
    if (i >= num_rows_added - num_logits) logit_rows_.push_back(num_rows());
    token_ids_.push_back(ids[static_cast<size_t>(i)]);
    positions_.push_back(cache.length() + i);
    sequence_of_row_.push_back(sequences_.size() - 1);
  }
}

void Step::Clear() {
  token_ids_.clear();
  positions_.clear();
  sequence_of_row_.clear();
  logit_rows_.clear();
  sequences_.clear();
}

}  // namespace trinity
