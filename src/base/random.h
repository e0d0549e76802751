#pragma once

#include <array>
#include <cstdint>

namespace trinity {

// Counter-based random numbers, Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as
// 1, 2, 3", SC 2011): the numbers are a function of their place alone, so they do not depend on who
// else draws, in what order, or on how many threads.
std::array<uint32_t, 4> RandomBits(uint64_t seed, uint64_t stream, uint64_t position);

// Uniform in [0, 1) with 53 bits.
double UniformAt(uint64_t seed, uint64_t stream, uint64_t position);

}  // namespace trinity
