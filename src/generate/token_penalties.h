#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "generate/candidates.h"
#include "generate/sampling_options.h"
#include "generate/token_history.h"

namespace trinity {

// repetition_penalty, presence_penalty and frequency_penalty. Counts the tokens of the window as
// they come, so that a pick costs what the window holds of different tokens.
class TokenPenalties {
 public:
  explicit TokenPenalties(const SamplingOptions& options);

  bool is_active() const { return is_active_; }

  void Clear() { counts_.clear(); }
  // Counts the last token of `history`, which was just added, and forgets the one that left the
  // window.
  void CountLast(const TokenHistory& history);

  void Apply(Candidates& candidates) const;

 private:
  struct Count {
    int64_t repeated = 0;  // in the window
    int64_t counted = 0;   // those of them that presence and frequency count
  };

  void Change(const TokenHistory& history, size_t index, int64_t change);

  double repetition_penalty_;
  double presence_penalty_;
  double frequency_penalty_;
  std::optional<int64_t> last_n_;
  CountedTokens counted_tokens_;
  bool is_active_;
  std::unordered_map<int32_t, Count> counts_;
};

}  // namespace trinity
