#include "measure/best_tokens.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace trinity {

std::vector<ScoredToken> BestTokens(std::span<const float> logits, size_t count) {
  std::vector<ScoredToken> tokens;
  tokens.reserve(logits.size());
  for (const float logit : logits) tokens.push_back({static_cast<int32_t>(tokens.size()), logit});
  const auto rank = [](const ScoredToken& token) {
    return std::isnan(token.logit) ? -std::numeric_limits<float>::infinity() : token.logit;
  };
  const auto end = tokens.begin() + static_cast<int64_t>(std::min(count, tokens.size()));
  std::partial_sort(tokens.begin(), end, tokens.end(),
                    [&](const ScoredToken& a, const ScoredToken& b) {
                      return rank(a) != rank(b) ? rank(a) > rank(b) : a.id < b.id;
                    });
  tokens.erase(end, tokens.end());
  return tokens;
}

}  // namespace trinity
