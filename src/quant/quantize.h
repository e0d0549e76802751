#pragma once

#include <cstddef>
#include <span>

#include "base/dtype.h"

namespace trinity {

// Rounds a row to `dtype`: F32, F16, BF16 or a block format, whose block_values divide the row.
// Scales are searched for the least squared error, or with `importance` (one number of a value, not
// negative; empty: all equal) for the least error weighted by it. The result depends on the values
// of each block alone. Writes BytesOf(dtype, values.size()) bytes; `blocks` need not be aligned.
//
// Throws Error where a value is not finite or an importance is negative or not finite. Values
// beyond
// +-2^30 are taken as that; beyond the format's range they become its largest number.
void QuantizeRow(DType dtype, std::span<const float> values, std::span<const float> importance,
                 std::byte* blocks);

}  // namespace trinity
