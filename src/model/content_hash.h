#pragma once

#include <cstdint>

#include "checkpoint/checkpoint.h"

namespace trinity {

// Tells models of one shape apart by their weights: a hash over 1 KiB of each tensor, at a place
// that its name chooses. Two trainings differ in all their tensors, so a part of each will do, and
// a large model need not be read twice. Of a model that is cut among files, whose parts need not be
// there, only what each file has whole: norms and routers. Throws StorageError.
uint64_t ContentHash(const Checkpoint& checkpoint);

}  // namespace trinity
