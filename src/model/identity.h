#pragma once

#include <string>

#include "checkpoint/checkpoint.h"
#include "model/weights.h"

namespace trinity {

// A short text that differs where two ranks would not compute the same model in the same way:
// build, SIMD target, config, names, shapes and dtypes of the tensors, ContentHash, and how they
// are loaded. Throws StorageError.
std::string IdentityOf(const Checkpoint& checkpoint, const LoadOptions& options);

}  // namespace trinity
