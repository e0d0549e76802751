#pragma once

#include <cstdint>

namespace trinity {

// log(sum(exp(x[i]))) of x [size], size >= 1, in float64: value i is added in lane i mod the lanes
// of a vector, ascending, then the lanes, then what fills no vector. Infinite where the largest
// value is, else NaN where any value is.
double LogSumExp(const float* x, int64_t size);

}  // namespace trinity
