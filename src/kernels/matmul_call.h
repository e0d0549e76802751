#pragma once

#include <cstdint>
#include <span>

#include "base/memory_block.h"
#include "kernels/matmul.h"

namespace trinity {

// The arguments of MatMulPanels as they travel to the code of a SIMD target.
struct MatMulCall {
  const PackedMatrix& matrix;
  int64_t first_panel;
  int64_t num_panels;
  std::span<const std::byte* const> inputs;
  std::span<float* const> outputs;
  Output output;

  int64_t end_panel() const { return first_panel + num_panels; }
  int64_t num_rows() const { return static_cast<int64_t>(inputs.size()); }
};

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
void Int8MatMul(const MatMulCall& call);

}  // namespace trinity
