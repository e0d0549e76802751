#include "measure/perplexity.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "generate/token_logprobs.h"
#include "measure/window_logits.h"

namespace trinity {
namespace {

size_t BestOf(std::span<const float> logits) {
  return static_cast<size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// What one position contributes.
struct Score {
  double nll = 0;
  double kl = 0;
  double reference_nll = 0;
  bool same_top_1 = false;
};

Score ScoreOf(std::span<const float> logits, std::span<const float> reference, int32_t next) {
  Score score;
  const LogSoftmax log_q(logits);
  score.nll = -log_q.At(next);
  if (reference.empty()) return score;
  const LogSoftmax log_p(reference);
  score.reference_nll = -log_p.At(next);
  score.same_top_1 = BestOf(logits) == BestOf(reference);
  for (int32_t id = 0; static_cast<size_t>(id) < logits.size(); ++id) {
    score.kl += std::exp(log_p.At(id)) * (log_p.At(id) - log_q.At(id));
  }
  return score;
}

// All scores of a text, position by position.
class Scoring {
 public:
  Scoring(const Model& model, const PerplexityRequest& request)
      : model_(model),
        request_(request),
        num_windows_(CountWindows(static_cast<int64_t>(request.ids.size()), request.context)),
        window_logits_(model, request.kv_dtype, request.context - 1),
        reference_rows_(static_cast<size_t>(model.pool().num_threads())) {
    CheckText();
    scores_.resize(static_cast<size_t>(num_windows_ * (request.context - 1)));
  }

  PerplexityReport Run() {
    for (int64_t window = 0; window < num_windows_; ++window) {
      ScoreWindow(window);
      if (request_.on_progress) request_.on_progress(window + 1, num_windows_);
    }
    return Summarise();
  }

 private:
  void CheckText() const {
    if (num_windows_ == 0) {
      Fail("text: expected at least {} tokens, a window, found {}", request_.context,
           request_.ids.size());
    }
    if (request_.reference == nullptr) return;
    const LogitFile& reference = *request_.reference;
    const LogitFileShape& shape = reference.shape();
    const std::span<const int32_t> used =
        request_.ids.first(static_cast<size_t>(num_windows_ * request_.context));
    if (shape.context != request_.context ||
        !std::equal(used.begin(), used.end(), reference.ids().begin(), reference.ids().end())) {
      Fail(
          "{}: is of another text, context or tokenizer: expected {} windows of {} tokens of this "
          "text, found {} of {}",
          reference.path(), num_windows_, request_.context, shape.num_windows, shape.context);
    }
    if (shape.vocab_size != model_.config().vocab_size) {
      Fail("{}: expected logits of {} tokens, found {}", reference.path(),
           model_.config().vocab_size, shape.vocab_size);
    }
  }

  void ScoreWindow(int64_t window) {
    const auto context = static_cast<size_t>(request_.context);
    const auto ids = request_.ids.subspan(static_cast<size_t>(window) * context, context);
    // The last token is only predicted.
    window_logits_.ForEachRow(
        ids.first(context - 1), [&](int64_t position, std::span<const float> logits, int thread) {
          ScoreRow(window, position, ids, logits, reference_rows_[static_cast<size_t>(thread)]);
        });
  }

  void ScoreRow(int64_t window, int64_t position, std::span<const int32_t> ids,
                std::span<const float> logits, std::vector<float>& reference) {
    if (request_.reference != nullptr) {
      reference.resize(logits.size());
      request_.reference->Read(window, position, reference);
    }
    scores_[static_cast<size_t>(window * (request_.context - 1) + position)] =
        ScoreOf(logits, reference, ids[static_cast<size_t>(position) + 1]);
    if (request_.save != nullptr) request_.save->Write(window, position, logits);
  }

  PerplexityReport Summarise() const {
    PerplexityReport report;
    report.num_windows = num_windows_;
    report.num_scored = static_cast<int64_t>(scores_.size());
    const auto n = static_cast<double>(scores_.size());
    for (const Score& score : scores_) report.mean_nll += score.nll / n;
    double variance = 0;
    for (const Score& score : scores_) {
      variance += (score.nll - report.mean_nll) * (score.nll - report.mean_nll) / n;
    }
    report.standard_error = std::sqrt(variance / n);
    report.perplexity = std::exp(report.mean_nll);
    if (request_.reference != nullptr) report.divergence = Compare();
    return report;
  }

  Divergence Compare() const {
    Divergence d;
    const auto n = static_cast<double>(scores_.size());
    double reference_nll = 0, squared_change = 0, num_same = 0;
    for (const Score& score : scores_) {
      d.mean_kl += score.kl / n;
      d.largest_kl = std::max(d.largest_kl, score.kl);
      num_same += score.same_top_1 ? 1 : 0;
      reference_nll += score.reference_nll / n;
      const double change = std::exp(-score.nll) - std::exp(-score.reference_nll);
      squared_change += change * change / n;
    }
    d.same_top_1 = num_same / n;
    d.rms_change = std::sqrt(squared_change);
    d.reference_perplexity = std::exp(reference_nll);
    return d;
  }

  const Model& model_;
  const PerplexityRequest& request_;
  int64_t num_windows_;
  WindowLogits window_logits_;
  std::vector<std::vector<float>> reference_rows_;  // a thread's own
  std::vector<Score> scores_;                       // [windows, context - 1]
};

}  // namespace

PerplexityReport MeasurePerplexity(const Model& model, const PerplexityRequest& request) {
  TRINITY_CHECK(request.context >= 2);
  return Scoring(model, request).Run();
}

}  // namespace trinity
