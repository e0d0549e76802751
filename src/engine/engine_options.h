#pragma once

#include <cstdint>
#include <optional>

#include "base/dtype.h"

namespace trinity {

// How an engine shares one model between many requests. None of it changes what is answered.
struct EngineOptions {
  DType kv_dtype = DType::kF32;
  // Bytes of keys and values at most: those of running sequences and of prefixes that are kept.
  int64_t kv_budget_bytes = int64_t{1} << 30;
  std::optional<int64_t> max_context;  // tokens of a sequence; absent: max_position_embeddings

  int64_t step_tokens = 512;   // rows of a step at most
  int64_t max_sequences = 64;  // answers that are computed at the same time at most
  // While answers stream, prompts are cut so that a step takes no longer than about this.
  double step_target_s = 0.2;

  // Beyond either, Submit throws QueueFull.
  int64_t max_queued_requests = 1024;
  int64_t max_queued_tokens = int64_t{1} << 22;

  bool keeps_prefixes = true;
  // A prompt that shares a beginning with an earlier one continues at most so many tokens before
  // the first that differs, while the budget holds.
  int64_t keep_every_tokens = 4096;
};

}  // namespace trinity
