#pragma once

#include <vector>

#include "kernels/elementwise.h"

namespace trinity {

// An RMS norm: x * rsqrt(mean(x^2) + epsilon) * weight, in float32.
struct Norm {
  std::vector<float> weight;
  float epsilon = 0;
  bool applies = true;  // false only where a test takes it out: then a copy

  void Apply(const float* x, float* out) const {
    const auto size = static_cast<int64_t>(weight.size());
    if (applies) {
      RmsNorm(x, weight.data(), epsilon, size, out);
    } else if (x != out) {
      std::copy(x, x + size, out);
    }
  }
};

}  // namespace trinity
