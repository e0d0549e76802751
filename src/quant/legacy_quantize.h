#pragma once

#include "quant/block_formats.h"
#include "quant/scale_search.h"

namespace trinity {

// 32 values into one block. Q8_0 is the rounding that its definition says, the largest value at
// 127 or -127, so equal to the reference to the bit; the others search for the least error.
void Quantize(const WeightedValues& v, BlockQ8_0& block);
void Quantize(const WeightedValues& v, BlockQ4_0& block);
void Quantize(const WeightedValues& v, BlockQ4_1& block);
void Quantize(const WeightedValues& v, BlockQ5_0& block);
void Quantize(const WeightedValues& v, BlockQ5_1& block);

}  // namespace trinity
