#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace trinity {

// What a running sequence could compute in a step.
struct RowDemand {
  int64_t num_rows = 1;   // 1: its answer grows; more: tokens of its prompt are missing
  int64_t most_rows = 0;  // of them in one step
  int64_t priority = 0;
};

// Rows of a step for each of `demands`, which stand in order of arrival. A sequence that needs one
// row gets it. The others share `prefill_rows`, or what `step_rows` leaves where that is less: a
// quarter is for the one that arrived first, so that it is never starved; then those of the highest
// priority come first, and of equal ones those that need the fewest.
std::vector<int64_t> ShareRows(std::span<const RowDemand> demands, int64_t step_rows,
                               int64_t prefill_rows);

}  // namespace trinity
