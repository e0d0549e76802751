#pragma once

#include "quant/block_formats.h"
#include "quant/scale_search.h"

namespace trinity {

// 32 or 256 values into one block, with the least error that a search finds.
void Quantize(const WeightedValues& v, BlockIQ4_NL& block);
void Quantize(const WeightedValues& v, BlockIQ4_XS& block);

}  // namespace trinity
