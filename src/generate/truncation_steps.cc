#include "generate/truncation_steps.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"
#include "generate/best_logits.h"

namespace trinity {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct WeightedEntry {
  float key;
  float weight;
  int32_t index;
};

bool ComesFirst(const WeightedEntry& a, const WeightedEntry& b) {
  return a.key > b.key || (a.key == b.key && a.index < b.index);
}

double SumOfWeights(std::span<const WeightedEntry> entries) {
  double sum = 0;
  for (const WeightedEntry& entry : entries) sum += entry.weight;
  return sum;
}

// The indices of the fewest entries, those of the largest keys first, that together weigh at least
// `mass`; all where they do not. Halves the range in which the border lies, so the entries are
// never sorted as a whole.
std::vector<int32_t> FewestThatWeigh(std::vector<WeightedEntry>& entries, double mass) {
  constexpr size_t kSmall = 64;
  size_t first = 0;
  size_t end = entries.size();
  while (end - first > kSmall) {
    const size_t middle = first + (end - first) / 2;
    std::nth_element(entries.begin() + static_cast<ptrdiff_t>(first),
                     entries.begin() + static_cast<ptrdiff_t>(middle),
                     entries.begin() + static_cast<ptrdiff_t>(end), ComesFirst);
    const double upper_half = SumOfWeights(std::span(entries).subspan(first, middle - first));
    if (upper_half >= mass) {
      end = middle;
    } else {
      mass -= upper_half;
      first = middle;
    }
  }
  std::sort(entries.begin() + static_cast<ptrdiff_t>(first),
            entries.begin() + static_cast<ptrdiff_t>(end), ComesFirst);
  double reached = 0;
  size_t count = first;
  while (count < end) {
    reached += entries[count++].weight;
    if (reached >= mass) break;
  }
  std::vector<int32_t> indices;
  for (size_t i = 0; i < count; ++i) indices.push_back(entries[i].index);
  return indices;
}

double Sum(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += value;
  return sum;
}

}  // namespace

void KeepTopK(Candidates& candidates, int64_t k) {
  TRINITY_CHECK(k >= 1);
  if (k >= static_cast<int64_t>(candidates.size())) return;
  candidates.KeepIndices(BestLogits(candidates.logits(), k));
}

void KeepTopP(Candidates& candidates, double share) {
  const std::span<const float> probabilities = candidates.ComputeProbabilities();
  const std::span<const float> logits = candidates.logits();
  const double total = Sum(probabilities);
  // All below this together weigh less than what may be left out: they need no sorting.
  const double negligible = (1 - share) * total / static_cast<double>(logits.size());
  std::vector<WeightedEntry> entries;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (probabilities[i] < negligible) continue;
    entries.push_back({logits[i], probabilities[i], static_cast<int32_t>(i)});
  }
  candidates.KeepIndices(FewestThatWeigh(entries, share * total));
}

void KeepMinP(Candidates& candidates, double ratio) {
  const double largest = candidates.logits()[candidates.BestIndex()];
  candidates.KeepAtLeast(FiniteLogit(largest + std::log(ratio)));
}

void KeepTypicalP(Candidates& candidates, double share) {
  const std::span<const float> probabilities = candidates.ComputeProbabilities();
  const std::span<const float> logits = candidates.logits();
  const size_t best = candidates.BestIndex();
  // -log p = largest logit - logit - log(largest p): no logarithm for each token.
  const double offset = logits[best] - std::log(static_cast<double>(probabilities[best]));
  const auto surprise = [&](size_t i) { return offset - logits[i]; };
  double entropy = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (probabilities[i] > 0) entropy += probabilities[i] * surprise(i);
  }
  std::vector<WeightedEntry> entries;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (probabilities[i] == 0) continue;
    const auto key = static_cast<float>(-std::fabs(surprise(i) - entropy));
    entries.push_back({key, probabilities[i], static_cast<int32_t>(i)});
  }
  candidates.KeepIndices(FewestThatWeigh(entries, share * Sum(probabilities)));
}

void KeepTopNSigma(Candidates& candidates, double num_sigmas) {
  const std::span<const float> logits = candidates.logits();
  const double largest = logits[candidates.BestIndex()];
  // Relative to the largest: the squares keep their digits.
  double sum = 0, sum_of_squares = 0, count = 0;
  for (const float logit : logits) {
    if (logit == -kInfinity) continue;
    const double x = logit - largest;
    sum += x;
    sum_of_squares += x * x;
    count += 1;
  }
  const double mean = sum / count;
  const double variance = std::max(0.0, sum_of_squares / count - mean * mean);
  candidates.KeepAtLeast(FiniteLogit(largest - num_sigmas * std::sqrt(variance)));
}

void RemoveTopChoices(Candidates& candidates, double threshold) {
  const std::span<const float> probabilities = candidates.ComputeProbabilities();
  const std::span<const float> logits = candidates.logits();
  std::vector<int32_t> kept;
  std::optional<size_t> least;
  for (size_t i = 0; i < probabilities.size(); ++i) {
    if (probabilities[i] == 0 || probabilities[i] < threshold) {
      kept.push_back(static_cast<int32_t>(i));
    } else if (!least || logits[i] <= logits[*least]) {
      least = i;
    }
  }
  if (!least) return;
  kept.push_back(static_cast<int32_t>(*least));
  candidates.KeepIndices(std::move(kept));
}

}  // namespace trinity
