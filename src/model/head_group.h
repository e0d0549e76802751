#pragma once

#include <cstdint>
#include <vector>

#include "model/config.h"
#include "model/rank_slice.h"

namespace trinity {

// A kv head of a rank and those of its query heads that are there too, numbered within the rank.
struct HeadGroup {
  int64_t kv_head;
  int64_t first_query_head;
  int64_t num_query_heads;
};

// By kv head, of all that the rank with this slice holds.
std::vector<HeadGroup> HeadGroupsOf(const Config& config, const RankSlice& slice);

}  // namespace trinity
