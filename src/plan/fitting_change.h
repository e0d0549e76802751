#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "plan/run_plan.h"

namespace trinity {

// One change to a run that would make it fit.
struct FittingChange {
  std::string flag;  // "--context 40960"
  RankMemory memory;
};

// The changes of one thing each with which `shape` fits into `memory_bytes` a rank, those that
// people notice least first: fewer sequences, a smaller cache type, a shorter context, a smaller
// type of weights, experts that stay in files, more ranks. Of each kind the smallest change.
std::vector<FittingChange> FindFittingChanges(const Config& config,
                                              std::span<const PlannedTensor> tensors,
                                              const RunShape& shape, int64_t memory_bytes);

}  // namespace trinity
