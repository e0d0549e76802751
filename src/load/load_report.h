#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "load/load_run.h"
#include "load/percentiles.h"

namespace trinity {

// What a load came to. Times are seconds; those of answers count for requests that succeeded.
struct LoadReport {
  struct Failures {
    int64_t count = 0;
    std::string example;  // the message of the first
  };

  int64_t num_requests = 0;
  int64_t num_succeeded = 0;
  std::map<std::string, Failures> failures;  // by kind

  // Where the server says nothing, an event that brings text counts as a token.
  bool usage_is_known = true;
  int64_t num_prompt_tokens = 0;
  int64_t num_cached_tokens = 0;
  int64_t num_answer_tokens = 0;

  double wall_s = 0;
  Percentiles first_token_s;     // from sending to the first text
  Percentiles between_tokens_s;  // from an event with text to the next
  Percentiles whole_s;           // from sending to the end
  Percentiles tokens_per_s;      // of one stream, after its first token

  // Answers that were compared with another one to the same prompt, and those that differed.
  int64_t num_compared = 0;
  int64_t num_wrong = 0;
  bool compares_logprobs = false;  // with the text, to the last digit

  double answer_tokens_per_s() const { return wall_s > 0 ? double(num_answer_tokens) / wall_s : 0; }
  double prompt_tokens_per_s() const { return wall_s > 0 ? double(num_prompt_tokens) / wall_s : 0; }
};

LoadReport ReportOn(const LoadResult& result);

}  // namespace trinity
