#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"

namespace trinity {

// Whether DequantizeRow knows the dtype: the floats F32, F16, BF16 and every block format.
bool CanDequantize(DType dtype);

// The values of a row as float32, to the bit what ggml's reference gives: the truth that kernels
// are tested against. `blocks` need not be aligned; num_values is a multiple of the dtype's
// block_values.
void DequantizeRow(DType dtype, const std::byte* blocks, int64_t num_values, float* out);

}  // namespace trinity
