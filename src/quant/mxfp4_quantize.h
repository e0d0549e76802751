#pragma once

#include "quant/block_formats.h"
#include "quant/scale_search.h"

namespace trinity {

// 32 values into one block: of the powers of two around the largest value the one with the least
// error.
void Quantize(const WeightedValues& v, BlockMXFP4& block);

}  // namespace trinity
