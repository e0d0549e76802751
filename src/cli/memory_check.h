#pragma once

#include <cstdint>
#include <optional>

#include "checkpoint/checkpoint.h"
#include "cli/loaded_model.h"
#include "plan/run_plan.h"

namespace trinity {

// Where the weights of the model, run as asked, are: nothing means all in memory, else experts stay
// in the files but for so many bytes. Throws Error where it takes more memory than is available:
// better a message now than the kernel's kill after minutes of reading. Says on stderr where
// --weights auto leaves experts in files. Cache type, threads and --weights are those of `options`.
std::optional<int64_t> ChooseExpertCache(const Checkpoint& checkpoint, const ModelOptions& options,
                                         const RunShape& asked);

// The longest context up to `longest` that fits into the memory that is available, with the weights
// where a run as asked has them; a multiple of 64 where it is shorter; `longest` where
// --no-memory-check is given or the system does not tell.
int64_t FittingContext(const Checkpoint& checkpoint, const ModelOptions& options,
                       const RunShape& asked, int64_t longest);

}  // namespace trinity
