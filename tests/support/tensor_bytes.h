#pragma once

#include <cstddef>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace trinity {

// The data of a tensor as it stands in the file.
inline std::vector<std::byte> BytesOfTensor(const Checkpoint& checkpoint,
                                            const TensorInfo& tensor) {
  std::vector<std::byte> bytes(static_cast<size_t>(tensor.num_bytes));
  checkpoint.ReadAt(tensor, 0, bytes);
  return bytes;
}

}  // namespace trinity
