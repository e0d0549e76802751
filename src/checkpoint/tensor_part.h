#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/dtype.h"

namespace trinity {

// [planes, rows, cols] of a tensor.
using TensorExtents = std::array<int64_t, 3>;

// The same of at most three dimensions, outermost first. `missing`: of those that are not there, 1
// of a size and 0 of a place.
TensorExtents ExtentsOf(std::span<const int64_t> dimensions, int64_t missing);

// Elements [first, first + size) of a tensor.
struct TensorBox {
  TensorExtents first = {};
  TensorExtents size = {};
};

// A box of a tensor that stands in one file by itself: what one rank of several holds of it. Its
// columns are whole blocks.
struct TensorPart {
  int file_index = 0;
  int64_t offset = 0;  // of its first byte in the file
  TensorBox box;
};

// A run of bytes of a tensor that stands together in one file.
struct PartRun {
  int file_index = 0;
  int64_t offset = 0;  // in the file
  int64_t num_bytes = 0;
};

// The longest run from byte `byte_offset` of a tensor of this shape on, of at most `most_bytes`;
// without bytes where no part holds that byte.
PartRun FindRun(std::span<const TensorPart> parts, const TensorExtents& shape, DType dtype,
                int64_t byte_offset, int64_t most_bytes);

}  // namespace trinity
