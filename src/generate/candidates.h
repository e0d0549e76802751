#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace trinity {

// The tokens that may still be picked, with their logits. All tokens of the vocabulary at first,
// held without ids; a list once a step has removed some. The order is always that of the ids, so
// that what is drawn does not depend on how the steps before selected.
class Candidates {
 public:
  // All of `logits`; NaN becomes -infinity and +infinity the largest finite number.
  void Reset(std::span<const float> logits);

  size_t size() const { return logits_.size(); }
  std::span<float> logits() { return logits_; }  // [size]
  int32_t IdAt(size_t index) const {
    return holds_all_ ? static_cast<int32_t>(index) : ids_[index];
  }
  std::optional<size_t> FindIndex(int32_t id) const;

  // Subtracts from the logit at `index` and stays finite; -infinity stays -infinity.
  void Lower(size_t index, double amount);

  // Divides all logits by `temperature` > 0, relative to the largest, which becomes 0: no
  // temperature, however small, overflows.
  void DivideBy(double temperature);

  // Whether any logit is above -infinity.
  bool HasLogit() const;

  // The lowest index of the largest logit.
  size_t BestIndex() const;

  // softmax(logits) [size], good until the next call of a function that is not const. At least one
  // logit must be above -infinity.
  std::span<const float> ComputeProbabilities();

  // Keeps those at `indices` (each once, in any order), at least one.
  void KeepIndices(std::vector<int32_t> indices);
  // Keeps those with logit >= threshold; there must be one.
  void KeepAtLeast(float threshold);

 private:
  bool holds_all_ = true;
  std::vector<float> logits_;
  std::vector<int32_t> ids_;          // ascending; [size] unless holds_all_
  std::vector<float> probabilities_;  // scratch
};

// `logit` clamped to the finite numbers; -infinity stays.
float FiniteLogit(double logit);

}  // namespace trinity
