#pragma once

#include <cstdint>

#include "base/memory_block.h"
#include "model/norm.h"

namespace trinity {

// The way back through y = x r weight, r = (mean(x^2) + epsilon)^-1/2, of one row: with
// g = weight * dy,
//   dx = r g - x r^3 mean(g * x),   d weight = sum over rows of dy * x r.

// Adds dx to `input_gradient`, and dy * x r to `weight_gradient`, both [size].
void AddNormGradient(const Norm& norm, const float* x, const float* output_gradient,
                     float* input_gradient, float* weight_gradient);

// The same for all rows of x: input_gradient += dx, weight_gradient [1, size] += the sum over rows
// ascending.
void AddNormGradient(const Norm& norm, const Matrix& x, const Matrix& output_gradient,
                     Matrix& input_gradient, Matrix& weight_gradient);

}  // namespace trinity
