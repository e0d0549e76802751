#include "generate/weight_sum.h"

#include <cstddef>

namespace trinity {

// In lanes, so that one long chain of additions is not what it waits for.
double SumOfWeights(std::span<const float> weights) {
  constexpr size_t kLanes = 8;
  double lanes[kLanes] = {};
  size_t i = 0;
  for (; i + kLanes <= weights.size(); i += kLanes) {
    const float* x = weights.data() + i;
    for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += static_cast<double>(x[lane]);
  }
  for (size_t lane = 0; i < weights.size(); ++i, ++lane) lanes[lane] += weights[i];
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  return sum;
}

}  // namespace trinity
