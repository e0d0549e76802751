#pragma once

#include <cstdint>
#include <span>

#include "kernels/matmul.h"

namespace trinity {

// The arguments of MatMulPanels as they travel to the code of a SIMD target.
struct MatMulCall {
  const PackedMatrix& matrix;
  int64_t first_panel;
  int64_t num_panels;
  std::span<const float* const> inputs;
  std::span<float* const> outputs;
  Output output;
  float* activations;  // scratch: [kScratchRowBlocks, kSumBlockCols], aligned to 64 bytes
};

// Activation rows times column blocks that are copied side by side at a time: 512 KB, so that they
// stay in the second-level cache while panels stream past.
inline constexpr int64_t kScratchRowBlocks = 512;

// Activation rows that are copied at a time. More rows make longer passes over the outputs between
// two column blocks, which then fall out of the first-level cache.
inline constexpr int64_t kPassRows = 240;

}  // namespace trinity
