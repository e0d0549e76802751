#include "kernels/best_logits.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/check.h"

namespace trinity {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// `size` values in lanes that the compiler can keep in vectors.
float BlockMaximum(const float* x, size_t size) {
  constexpr size_t kLanes = 16;
  float lanes[kLanes];
  std::fill(lanes, lanes + kLanes, -kInfinity);
  size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = x[i + lane] > lanes[lane] ? x[i + lane] : lanes[lane];
    }
  }
  float largest = -kInfinity;
  for (const float value : lanes) largest = std::max(largest, value);
  for (; i < size; ++i) largest = x[i] > largest ? x[i] : largest;
  return largest;
}

struct Entry {
  float logit;
  int32_t index;
};

bool IsBetter(const Entry& a, const Entry& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.index < b.index);
}

// A value that at least `count` values reach: the count-th largest of the block maxima.
float LowerBoundOfBest(const std::vector<float>& maxima, size_t count) {
  if (count >= maxima.size()) return -kInfinity;
  std::vector<float> sorted = maxima;
  const auto nth = sorted.begin() + static_cast<ptrdiff_t>(count - 1);
  std::nth_element(sorted.begin(), nth, sorted.end(), std::greater<>());
  return *nth;
}

}  // namespace

void BlockMaxima(std::span<const float> logits, std::vector<float>& maxima) {
  maxima.resize((logits.size() + kLogitBlock - 1) / kLogitBlock);
  for (size_t block = 0; block < maxima.size(); ++block) {
    const size_t first = block * kLogitBlock;
    maxima[block] =
        BlockMaximum(logits.data() + first, std::min(kLogitBlock, logits.size() - first));
  }
}

std::vector<int32_t> BestLogits(std::span<const float> logits, int64_t count) {
  TRINITY_CHECK(count >= 0);
  const size_t num_best = std::min(static_cast<size_t>(count), logits.size());
  if (num_best == 0) return {};
  std::vector<float> maxima;
  BlockMaxima(logits, maxima);
  const float bound = LowerBoundOfBest(maxima, num_best);
  std::vector<Entry> entries;
  for (size_t block = 0; block < maxima.size(); ++block) {
    if (maxima[block] < bound) continue;
    const size_t end = std::min((block + 1) * kLogitBlock, logits.size());
    for (size_t i = block * kLogitBlock; i < end; ++i) {
      const float logit = std::isnan(logits[i]) ? -kInfinity : logits[i];
      if (logit >= bound) entries.push_back({logit, static_cast<int32_t>(i)});
    }
  }
  const auto middle = entries.begin() + static_cast<ptrdiff_t>(num_best);
  std::nth_element(entries.begin(), middle - 1, entries.end(), IsBetter);
  std::sort(entries.begin(), middle, IsBetter);
  std::vector<int32_t> best;
  for (size_t i = 0; i < num_best; ++i) best.push_back(entries[i].index);
  return best;
}

}  // namespace trinity
