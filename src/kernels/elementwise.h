#pragma once

#include <cstdint>
#include <span>

#include "base/dtype.h"

namespace trinity {

// Row functions on float32. Pointers may have any alignment; out may be the same as an input.
// All accumulate in float32, in an order that depends on `size` alone.

// out[i] = x[i] * rsqrt(mean(x^2) + epsilon) * weight[i]
void RmsNorm(const float* x, const float* weight, float epsilon, int64_t size, float* out);

// out[i] = a[i] + b[i]
void Add(const float* a, const float* b, int64_t size, float* out);

// x[i] *= factor
void Scale(float* x, float factor, int64_t size);

// out[i] = gate[i] * sigmoid(gate[i]) * up[i] * factor
void SiluMultiply(const float* gate, const float* up, float factor, int64_t size, float* out);

// out[i] = x[i] * sigmoid(gate[i])
void SigmoidMultiply(const float* x, const float* gate, int64_t size, float* out);

// out[i] = sigmoid(x[i])
void Sigmoid(const float* x, int64_t size, float* out);

// out = softmax(x)
void Softmax(const float* x, int64_t size, float* out);

// Rotates x [2 * half] in half-split pairs: y[i] = x[i] cos[i] - x[i + half] sin[i],
// y[i + half] = x[i + half] cos[i] + x[i] sin[i].
void RotateHalves(float* x, const float* cos, const float* sin, int64_t half);

// The largest of x [size], size >= 1, and the lowest index that holds it.
int64_t ArgMax(const float* x, int64_t size);

// `size` values of F32, F16 or BF16 to float32.
void WidenToFloat(const std::byte* source, DType dtype, int64_t size, float* out);

}  // namespace trinity
