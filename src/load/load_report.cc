#include "load/load_report.h"

#include <unordered_map>

namespace trinity {
namespace {

// Values of all requests, before they are put in order.
struct Samples {
  std::vector<double> first_token_s;
  std::vector<double> between_tokens_s;
  std::vector<double> whole_s;
  std::vector<double> tokens_per_s;
};

// What the first answer to each prompt was.
class KnownAnswers {
 public:
  void Compare(const RequestOutcome& outcome, LoadReport& report) {
    const auto [known, is_new] = digests_.emplace(outcome.prompt_index, outcome.digest);
    if (is_new) return;
    ++report.num_compared;
    if (known->second != outcome.digest) ++report.num_wrong;
  }

 private:
  std::unordered_map<int64_t, uint64_t> digests_;
};

void AddTimes(const RequestOutcome& outcome, int64_t num_tokens, Samples& samples) {
  samples.whole_s.push_back(outcome.end_s - outcome.start_s);
  const std::vector<double>& times = outcome.text_times_s;
  if (times.empty()) return;
  samples.first_token_s.push_back(times.front() - outcome.start_s);
  for (size_t i = 1; i < times.size(); ++i) {
    samples.between_tokens_s.push_back(times[i] - times[i - 1]);
  }
  const double streaming_s = times.back() - times.front();
  if (num_tokens > 1 && streaming_s > 0) {
    samples.tokens_per_s.push_back(static_cast<double>(num_tokens - 1) / streaming_s);
  }
}

void AddAnswer(const RequestOutcome& outcome, Samples& samples, LoadReport& report) {
  ++report.num_succeeded;
  if (!outcome.num_answer_tokens) report.usage_is_known = false;
  const int64_t num_tokens =
      outcome.num_answer_tokens.value_or(static_cast<int64_t>(outcome.text_times_s.size()));
  report.num_answer_tokens += num_tokens;
  report.num_prompt_tokens += outcome.num_prompt_tokens.value_or(0);
  report.num_cached_tokens += outcome.num_cached_tokens.value_or(0);
  AddTimes(outcome, num_tokens, samples);
}

}  // namespace

LoadReport ReportOn(const LoadResult& result) {
  LoadReport report;
  Samples samples;
  KnownAnswers known;
  for (const RequestOutcome& outcome : result.alone) known.Compare(outcome, report);
  report.wall_s = result.wall_s;
  report.num_requests = static_cast<int64_t>(result.outcomes.size());
  report.compares_logprobs = true;
  for (const RequestOutcome& outcome : result.outcomes) {
    if (outcome.failure) {
      LoadReport::Failures& failures = report.failures[outcome.failure->kind()];
      if (failures.count++ == 0) failures.example = outcome.failure->what();
      continue;
    }
    AddAnswer(outcome, samples, report);
    known.Compare(outcome, report);
    report.compares_logprobs &= outcome.has_logprobs;
  }
  report.first_token_s = PercentilesOf(std::move(samples.first_token_s));
  report.between_tokens_s = PercentilesOf(std::move(samples.between_tokens_s));
  report.whole_s = PercentilesOf(std::move(samples.whole_s));
  report.tokens_per_s = PercentilesOf(std::move(samples.tokens_per_s));
  return report;
}

}  // namespace trinity
