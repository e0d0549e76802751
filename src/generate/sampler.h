#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace trinity {

// How a token is picked. Temperature 0 is greedy.
struct SamplingOptions {
  double temperature = 0;
  uint64_t seed = 0;
};

// Picks token ids from logits. The random number of a pick depends on seed and position alone, so a
// continuation does not depend on what else is computed or how it is cut.
class Sampler {
 public:
  // `num_tokens`: ids at and above it are padding rows of the head and are never picked.
  Sampler(const SamplingOptions& options, int64_t num_tokens);

  // `logits`: [vocab_size]. `position`: of the token that is picked. Ties go to the lowest id.
  int32_t Pick(std::span<const float> logits, int64_t position);

 private:
  SamplingOptions options_;
  int64_t num_tokens_;
  std::vector<float> probabilities_;  // [num_tokens], reused
};

}  // namespace trinity
