#include "train/vocabulary_loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/elementwise.h"
#include "kernels/log_sum_exp.h"

namespace trinity {
namespace {

constexpr double kNothing = -std::numeric_limits<double>::infinity();

// What ranks know of the rows: each fills its own place, all others are zero before the sum.
class RowSums {
 public:
  RowSums(Communicator& ranks, int64_t num_rows)
      : ranks_(ranks), values_(ranks.size() * num_rows, kNumParts), num_rows_(num_rows) {}

  void Set(int64_t row, double log_sum, float target_logit) {
    float* parts = At(ranks_.rank(), row);
    parts[kHigh] = static_cast<float>(log_sum);
    if (std::isfinite(log_sum)) parts[kLow] = static_cast<float>(log_sum - parts[kHigh]);
    parts[kTarget] = target_logit;
  }

  void Exchange() { ranks_.Sum(values_.values()); }

  // log(sum(exp(logits))) of one rank's part.
  double LogSum(int rank, int64_t row) {
    const float* parts = At(rank, row);
    return static_cast<double>(parts[kHigh]) + static_cast<double>(parts[kLow]);
  }
  double OwnLogSum(int64_t row) { return LogSum(ranks_.rank(), row); }

  // Of the whole vocabulary.
  double LogSum(int64_t row) {
    double largest = kNothing, sum = 0;
    for (int rank = 0; rank < ranks_.size(); ++rank) largest = std::max(largest, LogSum(rank, row));
    for (int rank = 0; rank < ranks_.size(); ++rank) sum += std::exp(LogSum(rank, row) - largest);
    return largest + std::log(sum);
  }

  double TargetLogit(int64_t row) {
    double logit = 0;
    for (int rank = 0; rank < ranks_.size(); ++rank) {
      logit += static_cast<double>(At(rank, row)[kTarget]);
    }
    return logit;
  }

 private:
  // A log of a sum is float64, in two halves.
  static constexpr int64_t kHigh = 0, kLow = 1, kTarget = 2, kNumParts = 3;

  float* At(int rank, int64_t row) { return values_.Row(rank * num_rows_ + row); }

  Communicator& ranks_;
  Matrix values_;  // [ranks, rows] x kNumParts
  int64_t num_rows_;
};

}  // namespace

double LossOfVocabulary(Communicator& ranks, const IndexRange& held,
                        std::span<const int32_t> targets, Matrix& logits) {
  const auto num_rows = static_cast<int64_t>(targets.size());
  const auto is_held = [&](int64_t row) {
    const int32_t target = targets[static_cast<size_t>(row)];
    return target >= held.begin && target < held.end;
  };
  const auto target_logit = [&](int64_t row) -> float& {
    return logits.Row(row)[targets[static_cast<size_t>(row)] - held.begin];
  };
  RowSums sums(ranks, num_rows);
  for (int64_t row = 0; row < num_rows; ++row) {
    const double log_sum = held.size() > 0 ? LogSumExp(logits.Row(row), held.size()) : kNothing;
    sums.Set(row, log_sum, is_held(row) ? target_logit(row) : 0.0F);
  }
  sums.Exchange();
  double loss = 0;
  for (int64_t row = 0; row < num_rows; ++row) {
    const double log_sum = sums.LogSum(row);
    loss += log_sum - sums.TargetLogit(row);
    if (held.size() == 0) continue;
    Softmax(logits.Row(row), held.size(), logits.Row(row));
    Scale(logits.Row(row), static_cast<float>(std::exp(sums.OwnLogSum(row) - log_sum)),
          held.size());
    if (is_held(row)) target_logit(row) -= 1;
    Scale(logits.Row(row), 1 / static_cast<float>(num_rows), held.size());
  }
  return loss / static_cast<double>(num_rows);
}

}  // namespace trinity
