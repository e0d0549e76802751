#pragma once

#include <cstdint>

namespace trinity {

// Indices [begin, end).
struct IndexRange {
  int64_t begin = 0;
  int64_t end = 0;

  int64_t size() const { return end - begin; }
};

// Share `rank` of [0, size) among `num_ranks`, cut at multiples of `unit`: whole units, as evenly
// as they go, the first ranks one more; empty where there are fewer units than ranks.
IndexRange ShareOf(int64_t size, int64_t unit, int num_ranks, int rank);

}  // namespace trinity
