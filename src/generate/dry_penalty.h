#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "generate/candidates.h"
#include "generate/sampling_options.h"
#include "generate/token_history.h"

namespace trinity {

// DRY ("don't repeat yourself", p-e-w): lowers the tokens that would prolong a passage which the
// text has just begun to repeat, the more the longer the passage is already. A sequence breaker
// ends a passage, and a breaker of one token is itself never lowered.
class DryPenalty {
 public:
  explicit DryPenalty(const DryOptions& options);

  bool is_active() const;

  void Clear() { num_after_breaker_ = 0; }
  // Looks at the last token of `history`, which was just added.
  void CountLast(const TokenHistory& history);

  void Apply(const TokenHistory& history, Candidates& candidates);

 private:
  // For tokens that would prolong a passage: its longest length so far.
  std::unordered_map<int32_t, size_t> FindProlongingTokens(const TokenHistory& history);

  DryOptions options_;
  // By their last token; those of one token are in single_breakers_ alone.
  std::unordered_map<int32_t, std::vector<size_t>> breakers_ending_with_;
  std::unordered_set<int32_t> single_breakers_;
  size_t num_after_breaker_ = 0;       // tokens since the last breaker, or since the beginning
  std::vector<size_t> match_lengths_;  // scratch
};

}  // namespace trinity
