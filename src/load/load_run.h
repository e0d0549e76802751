#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/cancel_token.h"
#include "load/load_failure.h"
#include "load/load_run_options.h"

namespace trinity {

// What became of one request. Times are seconds from the beginning of the load.
struct RequestOutcome {
  int64_t prompt_index = 0;
  double start_s = 0;
  double end_s = 0;
  std::vector<double> text_times_s;  // of each event that brought text
  std::optional<LoadFailure> failure = {};

  uint64_t digest = 0;  // equal answers have equal ones
  bool has_logprobs = false;
  // As the server counts; absent where it does not.
  std::optional<int64_t> num_prompt_tokens = {};
  std::optional<int64_t> num_cached_tokens = {};
  std::optional<int64_t> num_answer_tokens = {};
};

struct LoadResult {
  std::string model;
  bool prompts_are_ids = false;
  double wall_s = 0;                     // of the load, without what was asked alone before
  std::vector<RequestOutcome> alone;     // of each prompt, where the run checks
  std::vector<RequestOutcome> outcomes;  // in the order in which they ended
};

// Asks a server as the options say. `cancel` ends it early, with what there is by then. Throws
// Error where the server cannot be reached, lists no model, or where, in a run that checks, a
// prompt fails alone.
LoadResult RunLoad(const LoadRunOptions& options, const CancelToken& cancel);

}  // namespace trinity
