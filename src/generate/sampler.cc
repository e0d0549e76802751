#include "generate/sampler.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "generate/truncation_steps.h"
#include "generate/weight_sum.h"
#include "kernels/elementwise.h"

namespace trinity {
namespace {

// Separate these random numbers from each other and from all others that the same seed gives.
constexpr uint64_t kDrawStream = 1;
constexpr uint64_t kXtcStream = 2;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The index at which the running sum of `weights` passes `uniform` times their sum. By the sums of
// blocks first.
size_t IndexAt(std::span<const float> weights, double uniform) {
  constexpr size_t kBlock = 512;
  std::vector<double> block_sums;
  double sum = 0;
  for (size_t first = 0; first < weights.size(); first += kBlock) {
    const size_t size = std::min(kBlock, weights.size() - first);
    block_sums.push_back(SumOfWeights(weights.subspan(first, size)));
    sum += block_sums.back();
  }
  const double target = uniform * sum;
  double reached = 0;
  size_t block = 0;
  while (block + 1 < block_sums.size() && reached + block_sums[block] <= target) {
    reached += block_sums[block++];
  }
  // Rounding may leave the target just beyond the last weight.
  size_t last_positive = 0;
  for (size_t i = block * kBlock; i < weights.size(); ++i) {
    if (weights[i] == 0) continue;
    last_positive = i;
    reached += static_cast<double>(weights[i]);
    if (reached > target) break;
  }
  return last_positive;
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, int64_t num_tokens, std::vector<int32_t> stop_ids)
    : options_(options),
      num_tokens_(num_tokens),
      stop_ids_(std::move(stop_ids)),
      penalties_(options),
      dry_(options.dry) {
  TRINITY_CHECK(num_tokens > 0);
  ValidateSampling(options, num_tokens);
}

void Sampler::Begin(std::span<const int32_t> prompt_ids) {
  history_ = {};
  penalties_.Clear();
  dry_.Clear();
  history_.num_prompt_ids = prompt_ids.size();
  for (const int32_t id : prompt_ids) Accept(id);
}

void Sampler::Accept(int32_t id) {
  history_.ids.push_back(id);
  penalties_.CountLast(history_);
  dry_.CountLast(history_);
}

int32_t Sampler::Pick(std::span<const float> logits, int64_t position) {
  logits = logits.first(std::min(logits.size(), static_cast<size_t>(num_tokens_)));
  if (options_.temperature == 0 && !ChangesLogits()) {
    return static_cast<int32_t>(ArgMax(logits.data(), static_cast<int64_t>(logits.size())));
  }
  candidates_.Reset(logits);
  ApplyBias();
  if (!candidates_.HasLogit()) return 0;
  for (const SamplingStep step : options_.steps) Apply(step, static_cast<uint64_t>(position));
  const size_t index =
      options_.temperature == 0 ? candidates_.BestIndex() : Draw(static_cast<uint64_t>(position));
  return candidates_.IdAt(index);
}

std::optional<int64_t> Sampler::num_deciding_logits() const {
  if (ChangesLogits()) return std::nullopt;
  if (options_.temperature == 0) return 1;
  const auto first = std::find_if(options_.steps.begin(), options_.steps.end(),
                                  [this](SamplingStep step) { return IsActive(step); });
  const bool is_top_k = first != options_.steps.end() && *first == SamplingStep::kTopK;
  return is_top_k ? std::optional(options_.top_k) : std::nullopt;
}

bool Sampler::ChangesLogits() const {
  return penalties_.is_active() || dry_.is_active() || !options_.logit_bias.empty() ||
         options_.min_tokens > 0;
}

void Sampler::ApplyBias() {
  const std::span<float> logits = candidates_.logits();
  for (const LogitBias& entry : options_.logit_bias) {
    if (const std::optional<size_t> index = candidates_.FindIndex(entry.id)) {
      candidates_.Lower(*index, -entry.bias);
    }
  }
  if (static_cast<int64_t>(history_.num_output_ids()) >= options_.min_tokens) return;
  for (const int32_t id : stop_ids_) {
    if (const std::optional<size_t> index = candidates_.FindIndex(id)) logits[*index] = -kInfinity;
  }
}

bool Sampler::IsActive(SamplingStep step) const {
  switch (step) {
    case SamplingStep::kPenalties:
      return penalties_.is_active();
    case SamplingStep::kDry:
      return dry_.is_active();
    case SamplingStep::kTopNSigma:
      return options_.top_n_sigma > 0;
    case SamplingStep::kTopK:
      return options_.top_k > 0;
    case SamplingStep::kTypicalP:
      return options_.typical_p < 1;
    case SamplingStep::kTopP:
      return options_.top_p < 1;
    case SamplingStep::kMinP:
      return options_.min_p > 0;
    case SamplingStep::kXtc:
      return options_.xtc_probability > 0;
    default:
      return options_.temperature != 1;
  }
}

void Sampler::Apply(SamplingStep step, uint64_t position) {
  if (!IsActive(step)) return;
  if (step == SamplingStep::kPenalties) return penalties_.Apply(candidates_);
  if (step == SamplingStep::kDry) return dry_.Apply(history_, candidates_);
  // The other steps can only take from a greedy pick what it is.
  if (options_.temperature == 0) return;
  switch (step) {
    case SamplingStep::kTopNSigma:
      return KeepTopNSigma(candidates_, options_.top_n_sigma);
    case SamplingStep::kTopK:
      return KeepTopK(candidates_, options_.top_k);
    case SamplingStep::kTypicalP:
      return KeepTypicalP(candidates_, options_.typical_p);
    case SamplingStep::kTopP:
      return KeepTopP(candidates_, options_.top_p);
    case SamplingStep::kMinP:
      return KeepMinP(candidates_, options_.min_p);
    case SamplingStep::kXtc:
      if (UniformAt(options_.seed, kXtcStream, position) < options_.xtc_probability) {
        RemoveTopChoices(candidates_, options_.xtc_threshold);
      }
      return;
    default:
      return candidates_.DivideBy(options_.temperature);
  }
}

size_t Sampler::Draw(uint64_t position) {
  return IndexAt(candidates_.ComputeProbabilities(),
                 UniformAt(options_.seed, kDrawStream, position));
}

}  // namespace trinity
