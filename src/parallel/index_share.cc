#include "parallel/index_share.h"

#include <algorithm>

#include "base/check.h"

namespace trinity {

IndexRange ShareOf(int64_t size, int64_t unit, int num_ranks, int rank) {
  TRINITY_CHECK(num_ranks > 0 && rank >= 0 && rank < num_ranks);
  const int64_t num_units = (size + unit - 1) / unit;
  const int64_t each = num_units / num_ranks, more = num_units % num_ranks;
  const int64_t begin = rank * each + std::min<int64_t>(rank, more);
  const int64_t end = begin + each + (rank < more ? 1 : 0);
  return {std::min(begin * unit, size), std::min(end * unit, size)};
}

}  // namespace trinity
