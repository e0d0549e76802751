#pragma once

#include <cstdint>
#include <string>

namespace trinity {

// Throws Error, with both numbers, where the file system of this folder has less free space.
void RequireFreeSpace(const std::string& folder, int64_t num_bytes);

}  // namespace trinity
