#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/engine_request.h"
#include "engine/request_listener.h"

namespace trinity {

// What is wanted of each row of a prompt: the log probability of the token that follows, or its
// share of the mean hidden row. Rows come in order; those that come again, after a preemption, are
// not counted twice.
class PromptObservation {
 public:
  // The request must outlive it.
  explicit PromptObservation(const EngineRequest& request);

  bool wants_logits() const { return num_logprob_rows_ < NumLogprobRows(); }
  bool wants_hidden() const { return num_hidden_rows_ < NumHiddenRows(); }
  // The first position that something is still wanted of; absent: nothing is.
  std::optional<int64_t> FirstWanted() const;

  // `logits`: [vocab_size], of the row at `position`.
  void AddLogits(int64_t position, std::span<const float> logits);
  // `hidden`: [hidden_size], after the final norm.
  void AddHidden(int64_t position, std::span<const float> hidden);

  // Tells what was wanted, once it is complete; only the first call does.
  void Report(RequestListener& listener);

 private:
  int64_t NumLogprobRows() const;
  int64_t NumHiddenRows() const;

  const EngineRequest& request_;
  int64_t num_logprob_rows_ = 0;
  int64_t num_hidden_rows_ = 0;
  std::vector<TokenLogprobs> logprobs_;
  std::vector<double> hidden_sum_;  // [hidden_size], rows ascending
  bool is_reported_ = false;
};

}  // namespace trinity
