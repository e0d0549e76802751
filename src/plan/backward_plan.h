#pragma once

#include <cstdint>
#include <span>

#include "model/config.h"
#include "model/rank_slice.h"
#include "plan/planned_tensor.h"

namespace trinity {

// Bytes that gradients of `rows` tokens take on a rank at the worst moment, keys and values apart:
// activations of all layers at first, of fewer the further down the way back has come, while there
// are gradients of more; in the end all gradients, and on rank 0 one tensor at a time that is taken
// together and compared with another.
int64_t BackwardBytes(const Config& config, std::span<const PlannedTensor> tensors,
                      const RankGrid& ranks, int rank, int64_t rows);

}  // namespace trinity
