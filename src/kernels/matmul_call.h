#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "base/memory_block.h"
#include "kernels/matmul.h"

namespace trinity {

// One part of a call of MatMulParts, as it travels to the code of a SIMD target.
struct MatMulCall {
  const PackedMatrix& matrix;
  int64_t first_panel;
  int64_t num_panels;
  std::span<const std::byte* const> inputs;
  std::span<float* const> outputs;
  Output output;

  MatMulCall(const MatMulPart& part, std::span<const std::byte* const> all_inputs, Output mode)
      : matrix(*part.matrix),
        first_panel(part.first_panel),
        num_panels(part.num_panels),
        inputs(all_inputs),
        outputs(part.outputs),
        output(mode) {}

  int64_t end_panel() const { return first_panel + num_panels; }
  int64_t num_rows() const { return static_cast<int64_t>(inputs.size()); }
};

// out [size] = or += sums: what of a panel's sums its matrix has rows for.
inline void WritePanelSums(const float* __restrict sums, int64_t size, Output output,
                           float* __restrict out) {
  if (output == Output::kOverwrite) {
    // A size that the compiler knows becomes a few vectors, here and below.
    if (size == kPanelRows) {
      std::memcpy(out, sums, kPanelRows * sizeof(float));
    } else {
      std::memcpy(out, sums, static_cast<size_t>(size) * sizeof(float));
    }
  } else if (size == kPanelRows) {
    for (int64_t i = 0; i < kPanelRows; ++i) out[i] += sums[i];
  } else {
    for (int64_t i = 0; i < size; ++i) out[i] += sums[i];
  }
}

// Scratch of a thread that lives as long as the thread: `size` values, aligned to 64 bytes, whose
// content does not survive the next call with the same tag type.
template <typename T, typename Tag>
T* ThreadScratch(int64_t size) {
  thread_local MemoryBlock block;
  const int64_t num_bytes = size * static_cast<int64_t>(sizeof(T));
  if (block.num_bytes() < num_bytes) block = MemoryBlock(num_bytes);
  return reinterpret_cast<T*>(block.data());
}

// With int8 rows, on the active SIMD target.
void Int8MatMul(std::span<const MatMulPart> parts, std::span<const std::byte* const> inputs,
                Output output);

}  // namespace trinity
