#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "generate/sampling_options.h"

namespace trinity {

// How a prompt is continued, in ids.
struct GenerationRequest {
  std::vector<int32_t> prompt_ids = {};    // at least one
  std::optional<int64_t> max_tokens = {};  // absent: what the context holds
  std::vector<int32_t> stop_ids = {};      // any of these ends the text and is not part of it
  int64_t num_tokens = 0;                  // ids at and above it are never picked
  SamplingOptions sampling = {};
  std::optional<int64_t> num_logprobs = {};  // the most probable to report for each token
};

}  // namespace trinity
