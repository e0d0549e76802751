#pragma once

#include <span>

namespace trinity {

// The sum of `weights`, in an order that depends on their number alone.
double SumOfWeights(std::span<const float> weights);

}  // namespace trinity
