#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace trinity {

struct ScoredToken {
  int32_t id = 0;
  float logit = 0;
};

// The `count` tokens of the largest logits (fewer where there are fewer), best first; ties go to
// the lower id, NaN comes last.
std::vector<ScoredToken> BestTokens(std::span<const float> logits, size_t count);

}  // namespace trinity
