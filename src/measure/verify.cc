#include "measure/verify.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <tuple>
#include <vector>

#include "generate/session.h"
#include "kernels/best_logits.h"
#include "kernels/elementwise.h"
#include "measure/logit_digest.h"

namespace trinity {
namespace {

// Choices whose gap is not above this may differ: float32 arithmetic in another order decides them.
constexpr float kRouterGap = 1e-5F;
constexpr int64_t kTop = 5;

// Not NaN: infinite instead, so that it counts as the largest of all.
double Difference(float a, float b) {
  const double difference = std::abs(static_cast<double>(a) - b);
  return std::isnan(difference) ? std::numeric_limits<double>::infinity() : difference;
}

std::vector<int32_t> Sorted(std::span<const int32_t> ids) {
  std::vector<int32_t> sorted(ids.begin(), ids.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

void Count(Agreement& agreement, bool is_equal, bool is_near_tie) {
  ++agreement.compared;
  if (is_equal) {
    ++agreement.equal;
  } else if (is_near_tie) {
    ++agreement.near_ties;
  }
}

// Compares what the trace of a model tells with a golden, row by row.
class GoldenComparison {
 public:
  GoldenComparison(const GoldenOutputs& golden, double tolerance) : golden_(golden) {
    report_.tolerance = tolerance;
    report_.num_sequences = golden.num_sequences;
    report_.num_tokens = golden.num_tokens;
    if (golden.hidden) report_.largest_hidden_difference = 0;
    if (golden.router_experts) report_.router.emplace();
  }

  void CompareLogits(const TracedToken& token, std::span<const float> logits) {
    want_.resize(logits.size());
    const int64_t row = token.position - (golden_.num_tokens - golden_.num_logits);
    golden_.logits->ReadAt(
        (token.sequence * golden_.num_logits + row) * static_cast<int64_t>(logits.size()), want_);
    double sum = 0;
    for (size_t i = 0; i < logits.size(); ++i) {
      const double difference = Difference(logits[i], want_[i]);
      sum += difference;
      if (difference > report_.largest_logit_difference) {
        report_.largest_logit_difference = difference;
        report_.largest_logit_token = token;
      }
    }
    // Of rows of equal size.
    mean_sum_ += sum / static_cast<double>(logits.size());
    ++report_.num_logit_rows;
    report_.mean_logit_difference = mean_sum_ / static_cast<double>(report_.num_logit_rows);
    CompareBest(logits);
  }

  void CompareHidden(const TracedToken& token, int64_t index, std::span<const float> hidden) {
    const int64_t row = token.position - (golden_.num_tokens - golden_.num_hidden);
    if (row < 0) return;
    want_.resize(hidden.size());
    const int64_t rows_before =
        (index * golden_.num_sequences + token.sequence) * golden_.num_hidden + row;
    golden_.hidden->ReadAt(rows_before * static_cast<int64_t>(hidden.size()), want_);
    double scale = 1;
    for (const float value : want_) scale = std::max(scale, std::abs(static_cast<double>(value)));
    double largest = 0;
    for (size_t i = 0; i < hidden.size(); ++i) {
      largest = std::max(largest, Difference(hidden[i], want_[i]) / scale);
    }
    report_.largest_hidden_difference = std::max(*report_.largest_hidden_difference, largest);
    if (largest <= report_.tolerance) return;
    const auto place = [](const HiddenDifference& d) {
      return std::tuple(d.index, d.token.position, d.token.sequence);
    };
    std::optional<HiddenDifference>& first = report_.first_hidden_difference;
    const HiddenDifference found = {index, token, largest};
    if (!first || place(found) < place(*first)) first = found;
  }

  void CompareExperts(const TracedToken& token, int64_t moe_layer,
                      std::span<const int32_t> experts) {
    const int64_t rows_before =
        (moe_layer * golden_.num_sequences + token.sequence) * golden_.num_tokens + token.position;
    std::vector<int32_t> want(experts.size());
    golden_.router_experts->ReadAt(rows_before * static_cast<int64_t>(experts.size()), want);
    float gap = std::numeric_limits<float>::infinity();
    if (golden_.router_gap) golden_.router_gap->ReadAt(rows_before, std::span(&gap, 1));
    Count(*report_.router, Sorted(experts) == Sorted(want), gap <= kRouterGap);
  }

  GoldenReport& report() { return report_; }

 private:
  // want_ holds the golden's logits.
  void CompareBest(std::span<const float> logits) {
    // One more than compared: how near is the first that is not among them?
    const std::vector<int32_t> found = BestLogits(logits, kTop + 1);
    const std::vector<int32_t> want = BestLogits(want_, kTop + 1);
    const auto wanted = [&](size_t rank) { return want_[static_cast<size_t>(want[rank])]; };
    const auto compare = [&](Agreement& agreement, size_t count) {
      count = std::min(count, want.size());
      const bool is_near_tie =
          count < want.size() && wanted(count - 1) - wanted(count) < report_.tolerance;
      Count(agreement,
            Sorted(std::span(found).first(count)) == Sorted(std::span(want).first(count)),
            is_near_tie);
    };
    compare(report_.top_1, 1);
    compare(report_.top_5, kTop);
  }

  const GoldenOutputs& golden_;
  GoldenReport report_;
  double mean_sum_ = 0;
  std::vector<float> want_;  // a row of the golden
};

TraceRequest RequestFor(const GoldenOutputs& golden, const VerifyOptions& options) {
  TraceRequest request;
  request.first_logit_position = golden.num_tokens - golden.num_logits;
  request.prefill_chunk = options.prefill_chunk;
  return request;
}

// Whether each sequence alone gives the logits whose digests are [sequence, logit row].
bool SameBitsAlone(const Model& model, const GoldenOutputs& golden, const VerifyOptions& options,
                   const std::vector<uint64_t>& digests) {
  bool is_same = true;
  for (size_t i = 0; i < golden.ids.size(); ++i) {
    TraceRequest request = RequestFor(golden, options);
    request.sequences = {golden.ids[i]};
    size_t next = i * static_cast<size_t>(golden.num_logits);
    TraceObserver observer;
    observer.on_logits = [&](const TracedToken&, std::span<const float> logits) {
      is_same = is_same && LogitDigest(logits) == digests[next++];
    };
    TraceForward(model, request, observer);
  }
  return is_same;
}

// Each step picks the best id after the golden's own ids, so that one difference is counted once.
void CompareGreedy(const Model& model, const GoldenOutputs& golden, const VerifyOptions& options,
                   GoldenReport& report) {
  Agreement& agreement = report.greedy.emplace();
  KvPools pools(model.kv_shape(), DType::kF32);
  CancelToken never;
  for (size_t i = 0; i < golden.greedy.size(); ++i) {
    Session session(model, pools, {options.prefill_chunk, std::nullopt});
    const std::span<const int32_t> prompt(golden.ids[i]);
    std::span<const float> logits =
        session.Append(prompt.first(static_cast<size_t>(golden.greedy_prompt_length)), never);
    for (size_t step = 0; step < golden.greedy[i].size(); ++step) {
      const int32_t want = golden.greedy[i][step];
      bool is_near_tie = false;
      if (!golden.greedy_margin.empty()) {
        const float margin = golden.greedy_margin[i][step];
        is_near_tie = margin < report.tolerance;
        report.smallest_greedy_margin =
            std::min(report.smallest_greedy_margin.value_or(margin), margin);
      }
      Count(agreement, ArgMax(logits.data(), static_cast<int64_t>(logits.size())) == want,
            is_near_tie);
      if (step + 1 < golden.greedy[i].size()) logits = session.Append({&want, 1}, never);
    }
  }
}

}  // namespace

double DefaultTolerance(int64_t num_tokens) { return num_tokens > 1000 ? 5e-4 : 1e-4; }

bool GoldenReport::Passed() const {
  return largest_logit_difference <= tolerance && top_1.wrong() == 0 && top_5.wrong() == 0 &&
         !first_hidden_difference && (!router || router->wrong() == 0) &&
         (!greedy || greedy->wrong() == 0) && same_bits_alone.value_or(true);
}

GoldenReport VerifyGolden(const Model& model, const GoldenOutputs& golden,
                          const VerifyOptions& options) {
  GoldenComparison comparison(golden,
                              options.tolerance.value_or(DefaultTolerance(golden.num_tokens)));
  std::vector<uint64_t> digests(static_cast<size_t>(golden.num_sequences * golden.num_logits));
  TraceObserver observer;
  observer.on_logits = [&](const TracedToken& token, std::span<const float> logits) {
    const int64_t row = token.position - (golden.num_tokens - golden.num_logits);
    digests[static_cast<size_t>(token.sequence * golden.num_logits + row)] = LogitDigest(logits);
    comparison.CompareLogits(token, logits);
  };
  if (golden.hidden) {
    observer.on_hidden = [&](const TracedToken& token, int64_t index,
                             std::span<const float> hidden) {
      comparison.CompareHidden(token, index, hidden);
    };
  }
  if (golden.router_experts) {
    observer.on_experts = [&](const TracedToken& token, int64_t moe_layer,
                              std::span<const int32_t> experts) {
      comparison.CompareExperts(token, moe_layer, experts);
    };
  }
  TraceRequest request = RequestFor(golden, options);
  request.sequences.assign(golden.ids.begin(), golden.ids.end());
  TraceForward(model, request, observer);
  GoldenReport& report = comparison.report();
  if (golden.num_sequences > 1) {
    report.same_bits_alone = SameBitsAlone(model, golden, options, digests);
  }
  if (!golden.greedy.empty()) CompareGreedy(model, golden, options, report);
  return report;
}

}  // namespace trinity
