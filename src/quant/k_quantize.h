#pragma once

#include "quant/block_formats.h"
#include "quant/scale_search.h"

namespace trinity {

// 256 values into one block of the k-quants, with the least error that a search finds.
void Quantize(const WeightedValues& v, BlockQ2_K& block);
void Quantize(const WeightedValues& v, BlockQ3_K& block);
void Quantize(const WeightedValues& v, BlockQ4_K& block);
void Quantize(const WeightedValues& v, BlockQ5_K& block);
void Quantize(const WeightedValues& v, BlockQ6_K& block);

}  // namespace trinity
