#pragma once

// Include before any header of Highway: the instruction sets that the kernels are compiled for.
// Vectors here stand in arrays and have at most 16 float lanes, which rules out SVE.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128)
