#include "generate/candidates.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "kernels/best_logits.h"
#include "kernels/elementwise.h"

namespace trinity {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kLargest = std::numeric_limits<float>::max();

// Whether all kLogitBlock values are finite: x * 0 is 0 then, and NaN otherwise. In lanes of a
// constant number, which the compiler keeps in vectors.
bool IsAllFinite(const float* x) {
  constexpr size_t kLanes = 16;
  static_assert(kLogitBlock % kLanes == 0);
  float lanes[kLanes] = {};
  for (size_t i = 0; i < kLogitBlock; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += x[i + lane] * 0.0F;
  }
  float sum = 0;
  for (const float value : lanes) sum += value;
  return sum == 0;
}

}  // namespace

float FiniteLogit(double logit) {
  if (logit == -std::numeric_limits<double>::infinity()) return -kInfinity;
  return static_cast<float>(
      std::clamp(logit, -static_cast<double>(kLargest), static_cast<double>(kLargest)));
}

void Candidates::Reset(std::span<const float> logits) {
  TRINITY_CHECK(!logits.empty());
  holds_all_ = true;
  ids_.clear();
  logits_.assign(logits.begin(), logits.end());
  // There is hardly ever a value that is not finite: blocks without one are told by a sum.
  for (size_t first = 0; first < logits_.size(); first += kLogitBlock) {
    const size_t end = std::min(first + kLogitBlock, logits_.size());
    if (end - first == kLogitBlock && IsAllFinite(logits_.data() + first)) continue;
    for (size_t i = first; i < end; ++i) {
      if (std::isnan(logits_[i])) logits_[i] = -kInfinity;
      logits_[i] = std::min(logits_[i], kLargest);
    }
  }
}

std::optional<size_t> Candidates::FindIndex(int32_t id) const {
  if (id < 0) return std::nullopt;
  if (holds_all_) {
    return static_cast<size_t>(id) < size() ? std::optional<size_t>(id) : std::nullopt;
  }
  const auto found = std::lower_bound(ids_.begin(), ids_.end(), id);
  if (found == ids_.end() || *found != id) return std::nullopt;
  return static_cast<size_t>(found - ids_.begin());
}

void Candidates::Lower(size_t index, double amount) {
  logits_[index] = FiniteLogit(static_cast<double>(logits_[index]) - amount);
}

bool Candidates::HasLogit() const {
  return std::any_of(logits_.begin(), logits_.end(), [](float x) { return x > -kInfinity; });
}

void Candidates::DivideBy(double temperature) {
  constexpr double kLargestFactor = 1e30;
  constexpr size_t kLanes = 16;
  const float largest = logits_[BestIndex()];
  const auto factor = static_cast<float>(std::min(1 / temperature, kLargestFactor));
  size_t i = 0;
  for (; i + kLanes <= size(); i += kLanes) {
    float* block = logits_.data() + i;
    for (size_t lane = 0; lane < kLanes; ++lane) block[lane] = (block[lane] - largest) * factor;
  }
  for (; i < size(); ++i) logits_[i] = (logits_[i] - largest) * factor;
}

size_t Candidates::BestIndex() const {
  return static_cast<size_t>(ArgMax(logits_.data(), static_cast<int64_t>(size())));
}

std::span<const float> Candidates::ComputeProbabilities() {
  probabilities_.resize(size());
  Softmax(logits_.data(), static_cast<int64_t>(size()), probabilities_.data());
  return probabilities_;
}

void Candidates::KeepIndices(std::vector<int32_t> indices) {
  TRINITY_CHECK(!indices.empty());
  if (indices.size() == size()) return;
  if (!std::is_sorted(indices.begin(), indices.end())) std::sort(indices.begin(), indices.end());
  // Ascending, so that no value is overwritten before it is read.
  for (size_t i = 0; i < indices.size(); ++i) {
    const auto from = static_cast<size_t>(indices[i]);
    logits_[i] = logits_[from];
    indices[i] = IdAt(from);
  }
  logits_.resize(indices.size());
  ids_ = std::move(indices);
  holds_all_ = false;
}

void Candidates::KeepAtLeast(float threshold) {
  std::vector<float> maxima;
  BlockMaxima(logits_, maxima);
  std::vector<int32_t> indices;
  for (size_t block = 0; block < maxima.size(); ++block) {
    if (maxima[block] < threshold) continue;
    const size_t end = std::min((block + 1) * kLogitBlock, size());
    for (size_t i = block * kLogitBlock; i < end; ++i) {
      if (logits_[i] >= threshold) indices.push_back(static_cast<int32_t>(i));
    }
  }
  KeepIndices(std::move(indices));
}

}  // namespace trinity
