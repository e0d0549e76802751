#pragma once

#include <cstdint>

#include "generate/candidates.h"

namespace trinity {

// The steps that remove candidates. Each leaves at least one, and each needs a logit above
// -infinity. Where tokens are equal, those of lower ids stay.

// The `k` largest logits; k >= 1.
void KeepTopK(Candidates& candidates, int64_t k);

// The fewest most probable that together hold at least `share` of the probability.
void KeepTopP(Candidates& candidates, double share);

// Those at least `ratio` times as probable as the most probable.
void KeepMinP(Candidates& candidates, double ratio);

// The fewest that together hold at least `share`, those first whose -log(p) is nearest to the
// entropy of the distribution (Meister et al., "Locally typical sampling", 2022).
void KeepTypicalP(Candidates& candidates, double share);

// Those with a logit at most `num_sigmas` standard deviations (of the logits above -infinity) below
// the largest (Tang et al., "Top-n-sigma: not all logits are you need", 2024).
void KeepTopNSigma(Candidates& candidates, double num_sigmas);

// "Exclude top choices": removes those with probability >= threshold except the least probable of
// them. Of equal ones the highest id counts as the least probable.
void RemoveTopChoices(Candidates& candidates, double threshold);

}  // namespace trinity
