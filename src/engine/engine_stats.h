#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "engine/prefix_miss.h"
#include "model/expert_store.h"

namespace trinity {

inline constexpr size_t kNumMissReasons = 5;

// What an engine does at a moment, and what it has done so far.
struct EngineStats {
  int64_t num_queued_requests = 0;  // of which nothing has been computed yet
  int64_t num_queued_tokens = 0;    // their prompts
  int64_t num_running_requests = 0;
  int64_t num_waiting_sequences = 0;  // answers not begun, or preempted
  int64_t num_running_sequences = 0;

  int64_t num_sliding_pages = 0;  // in use, prefixes included
  int64_t num_full_pages = 0;
  int64_t kv_bytes = 0;  // in use
  int64_t kv_budget_bytes = 0;
  int64_t num_kept_prefixes = 0;
  int64_t prefix_bytes = 0;  // pages that only kept prefixes hold

  // Since the start.
  int64_t num_finished_requests = 0;  // cancelled and failed ones included
  int64_t num_cancelled_requests = 0;
  int64_t num_failed_requests = 0;
  int64_t num_steps = 0;
  int64_t num_prefill_tokens = 0;  // computed
  int64_t num_cached_tokens = 0;   // of prompts, taken from kept prefixes
  int64_t num_answer_tokens = 0;
  int64_t num_preemptions = 0;
  int64_t num_evicted_prefixes = 0;
  std::array<int64_t, kNumMissReasons> num_lookups = {};  // by PrefixMissReason
  double step_s = 0;                                      // in all steps
  // Of these; a step of both kinds is shared out by rows.
  double prefill_step_s = 0;
  double decode_step_s = 0;
  // Where experts stay in the files of the model: of this rank.
  std::optional<ExpertTraffic> experts;
};

}  // namespace trinity
