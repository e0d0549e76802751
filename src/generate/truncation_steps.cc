#include "generate/truncation_steps.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"
#include "generate/weight_sum.h"
#include "kernels/best_logits.h"
#include "kernels/elementwise.h"

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

double WeightOf(std::span<const WeightedEntry> entries) {
  double sum = 0;
  for (const WeightedEntry& entry : entries) sum += entry.weight;
  return sum;
}

// How many of `entries` it takes, the first in order, to weigh at least `mass`; they stand at the
// front then. Halves the range in which the border lies, so the entries are never sorted as a
// whole.
size_t CountThatWeigh(std::vector<WeightedEntry>& entries, double mass) {
  constexpr size_t kSmall = 64;
  const auto at = [&](size_t i) { return entries.begin() + static_cast<ptrdiff_t>(i); };
  size_t first = 0;
  size_t end = entries.size();
  while (end - first > kSmall) {
    const size_t middle = first + (end - first) / 2;
    std::nth_element(at(first), at(middle), at(end), ComesFirst);
    const double upper_half = WeightOf(std::span(entries).subspan(first, middle - first));
    if (upper_half >= mass) {
      end = middle;
    } else {
      mass -= upper_half;
      first = middle;
    }
  }
  std::sort(at(first), at(end), ComesFirst);
  double reached = 0;
  while (first < end && reached < mass) reached += entries[first++].weight;
  return first;
}

// The indices, ascending, of the fewest, those of the largest keys first, of equal ones the lowest
// index first, whose weights add up to at least `mass`; all where they do not. Buckets of equal
// width, counted down from the largest key, find the narrow range that holds the border.
std::vector<int32_t> FewestThatWeigh(std::span<const float> keys, std::span<const float> weights,
                                     double mass) {
  constexpr size_t kNumBuckets = 2048;
  constexpr float kBucketsPerUnit = 32;
  const float largest =
      keys[static_cast<size_t>(ArgMax(keys.data(), static_cast<int64_t>(keys.size())))];
  // At least one: what rounds to no mass would take none.
  mass = std::max(mass, std::numeric_limits<double>::min());
  const auto bucket_of = [&](size_t i) {
    constexpr float kLast = kNumBuckets - 1;
    return static_cast<size_t>(std::min((largest - keys[i]) * kBucketsPerUnit, kLast));
  };
  std::vector<double> bucket_mass(kNumBuckets, 0.0);
  for (size_t i = 0; i < keys.size(); ++i) {
    if (weights[i] > 0) bucket_mass[bucket_of(i)] += weights[i];
  }
  size_t border = 0;
  while (border + 1 < kNumBuckets && bucket_mass[border] < mass) mass -= bucket_mass[border++];

  std::vector<int32_t> indices;
  std::vector<WeightedEntry> entries;
  for (size_t i = 0; i < keys.size(); ++i) {
    if (weights[i] == 0) continue;
    const size_t bucket = bucket_of(i);
    if (bucket < border) indices.push_back(static_cast<int32_t>(i));
    if (bucket == border) entries.push_back({keys[i], weights[i], static_cast<int32_t>(i)});
  }
  const size_t count = CountThatWeigh(entries, mass);
  const auto num_above = static_cast<ptrdiff_t>(indices.size());
  for (size_t i = 0; i < count; ++i) indices.push_back(entries[i].index);
  std::sort(indices.begin() + num_above, indices.end());
  std::inplace_merge(indices.begin(), indices.begin() + num_above, indices.end());
  return indices;
}

}  // namespace

void KeepTopK(Candidates& candidates, int64_t k) {
  TRINITY_CHECK(k >= 1);
  if (k >= static_cast<int64_t>(candidates.size())) return;
  candidates.KeepIndices(BestLogits(candidates.logits(), k));
}

void KeepTopP(Candidates& candidates, double share) {
  const std::span<const float> probabilities = candidates.ComputeProbabilities();
  const double mass = share * SumOfWeights(probabilities);
  candidates.KeepIndices(FewestThatWeigh(candidates.logits(), probabilities, mass));
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
  std::vector<float> keys(logits.size(), -kInfinity);
  for (size_t i = 0; i < logits.size(); ++i) {
    if (probabilities[i] > 0) keys[i] = static_cast<float>(-std::fabs(surprise(i) - entropy));
  }
  candidates.KeepIndices(FewestThatWeigh(keys, probabilities, share * SumOfWeights(probabilities)));
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
