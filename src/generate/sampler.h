#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "generate/candidates.h"
#include "generate/dry_penalty.h"
#include "generate/sampling_options.h"
#include "generate/token_history.h"
#include "generate/token_penalties.h"

namespace trinity {

// Picks token ids from logits: logit_bias, then the mask of min_tokens, then options.steps, then
// one draw. The random numbers of a pick depend on seed and position alone, so a continuation does
// not depend on what else is computed or how it is cut.
class Sampler {
 public:
  // `num_tokens`: ids at and above it are padding rows of the head and are never picked.
  // `stop_ids`: those that min_tokens masks. Throws Error as ValidateSampling does.
  Sampler(const SamplingOptions& options, int64_t num_tokens, std::vector<int32_t> stop_ids = {});

  // The tokens that penalties and min_tokens look at: a prompt, which replaces what was there
  // before, and then each token that was picked.
  void Begin(std::span<const int32_t> prompt_ids);
  void Accept(int32_t id);

  // How many of the largest logits decide every pick; absent where it may take all.
  std::optional<int64_t> num_deciding_logits() const;

  // `logits`: [vocab_size]. `position`: of the token that is picked. Ties go to the lowest id. NaN
  // counts as -infinity; where nothing is above -infinity, the pick is token 0.
  int32_t Pick(std::span<const float> logits, int64_t position);

 private:
  bool ChangesLogits() const;
  void ApplyBias();
  bool IsActive(SamplingStep step) const;
  void Apply(SamplingStep step, uint64_t position);
  size_t Draw(uint64_t position);

  SamplingOptions options_;
  int64_t num_tokens_;
  std::vector<int32_t> stop_ids_;
  TokenHistory history_;
  TokenPenalties penalties_;
  DryPenalty dry_;
  Candidates candidates_;
};

}  // namespace trinity
