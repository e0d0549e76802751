#pragma once

#include <cstdint>

namespace trinity {

// The most memory that this process has had resident, in bytes; 0 where the system does not tell.
int64_t PeakMemoryBytes();

}  // namespace trinity
