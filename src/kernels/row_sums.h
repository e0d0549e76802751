#pragma once

#include <cstdint>
#include <span>

namespace trinity {

// Products of a vector with rows of float32 numbers that may stand anywhere, [size] each, of any
// alignment. All accumulate in float32, in an order that depends on the sizes alone.

// out[k] += sum over i of weights[i] * rows[i][k], i ascending.
void AddWeightedRows(std::span<const float* const> rows, const float* weights, int64_t size,
                     float* out);

// out[i] = sum over k of x[k] * rows[i][k]
void DotRows(const float* x, std::span<const float* const> rows, int64_t size, float* out);

}  // namespace trinity
