#pragma once

#include <cstdint>
#include <span>
#include <type_traits>
#include <vector>

#include "parallel/communicator.h"

namespace trinity {

// On rank 0 what each rank gives, by rank; on the others nothing. Its bytes are sent as they are.
// Throws RankLost.
template <typename T>
std::vector<T> GatherEach(Communicator& ranks, const T& own) {
  static_assert(std::is_trivially_copyable_v<T>);
  const std::vector<int64_t> part_bytes(static_cast<size_t>(ranks.size()), sizeof(T));
  std::vector<T> all(ranks.is_leader() ? part_bytes.size() : 0);
  ranks.Gather(std::as_bytes(std::span(&own, 1)), part_bytes,
               std::as_writable_bytes(std::span(all)));
  return all;
}

}  // namespace trinity
