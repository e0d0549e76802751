#include "generate/sampler.h"

#include <algorithm>

#include "base/check.h"
#include "base/random.h"
#include "kernels/elementwise.h"

namespace trinity {
namespace {

// Separates these random numbers from all others that the same seed gives.
constexpr uint64_t kSamplingStream = 1;

}  // namespace

Sampler::Sampler(const SamplingOptions& options, int64_t num_tokens)
    : options_(options), num_tokens_(num_tokens) {
  TRINITY_CHECK(num_tokens > 0 && options.temperature >= 0);
}

int32_t Sampler::Pick(std::span<const float> logits, int64_t position) {
  const int64_t size = std::min(num_tokens_, static_cast<int64_t>(logits.size()));
  const int64_t best = ArgMax(logits.data(), size);
  if (options_.temperature == 0) return static_cast<int32_t>(best);

  // Scaled relative to the largest logit: no temperature, however small, overflows.
  probabilities_.resize(static_cast<size_t>(size));
  const double largest = logits[static_cast<size_t>(best)];
  for (size_t i = 0; i < probabilities_.size(); ++i) {
    probabilities_[i] = static_cast<float>((logits[i] - largest) / options_.temperature);
  }
  Softmax(probabilities_.data(), size, probabilities_.data());
  double sum = 0;
  for (const float p : probabilities_) sum += p;
  const double target =
      sum * UniformAt(options_.seed, kSamplingStream, static_cast<uint64_t>(position));
  double reached = 0;
  for (size_t i = 0; i < probabilities_.size(); ++i) {
    reached += probabilities_[i];
    if (reached > target) return static_cast<int32_t>(i);
  }
  return static_cast<int32_t>(best);
}

}  // namespace trinity
