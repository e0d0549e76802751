#pragma once

#include <span>

#include "base/memory_block.h"
#include "model/config.h"

namespace trinity {

// Rotary position embedding (Su et al., arXiv 2104.09864): the angle of pair i at a position is
// position * rope_theta^(-2 i / head_dim). The frequency, and its product with the position, are
// rounded to float32 before cosine and sine are taken: the model was trained with these angles, and
// exact ones give other logits after some thousand positions.
//
// cos, sin: resized to [positions, head_dim / 2].
void FillRopeTables(const Config& config, std::span<const int64_t> positions, Matrix& cos,
                    Matrix& sin);

}  // namespace trinity
