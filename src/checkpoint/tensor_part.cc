#include "checkpoint/tensor_part.h"

#include <algorithm>

#include "base/check.h"

namespace trinity {

TensorExtents ExtentsOf(std::span<const int64_t> dimensions, int64_t missing) {
  TRINITY_CHECK(dimensions.size() <= 3);
  TensorExtents extents = {missing, missing, missing};
  std::copy_backward(dimensions.begin(), dimensions.end(), extents.end());
  return extents;
}

PartRun FindRun(std::span<const TensorPart> parts, const TensorExtents& shape, DType dtype,
                int64_t byte_offset, int64_t most_bytes) {
  const int64_t row_bytes = BytesOf(dtype, shape[2]);
  const int64_t plane = byte_offset / row_bytes / shape[1];
  const int64_t row = byte_offset / row_bytes % shape[1], byte = byte_offset % row_bytes;
  PartRun longest;
  for (const TensorPart& part : parts) {
    const auto& [first, size] = part.box;
    const int64_t own_plane = plane - first[0], own_row = row - first[1];
    const int64_t own_byte = byte - BytesOf(dtype, first[2]);
    const int64_t own_row_bytes = BytesOf(dtype, size[2]);
    const bool holds_it = own_plane >= 0 && own_plane < size[0] && own_row >= 0 &&
                          own_row < size[1] && own_byte >= 0 && own_byte < own_row_bytes;
    if (!holds_it) continue;
    // Rows that are there from end to end follow each other in the file as in the tensor.
    const int64_t num_rows = own_row_bytes == row_bytes ? size[1] - own_row : 1;
    const int64_t num_bytes = std::min(most_bytes, num_rows * own_row_bytes - own_byte);
    if (num_bytes <= longest.num_bytes) continue;
    longest = {part.file_index,
               part.offset + (own_plane * size[1] + own_row) * own_row_bytes + own_byte, num_bytes};
  }
  return longest;
}

}  // namespace trinity
