#include "model/head_group.h"

#include <algorithm>

namespace trinity {

std::vector<HeadGroup> HeadGroupsOf(const Config& config, const RankSlice& slice) {
  const int64_t readers = config.num_attention_heads / config.num_key_value_heads;
  std::vector<HeadGroup> groups;
  for (int64_t head = slice.kv_heads.begin; head < slice.kv_heads.end; ++head) {
    const int64_t begin = std::max(slice.query_heads.begin, head * readers);
    const int64_t end = std::min(slice.query_heads.end, (head + 1) * readers);
    groups.push_back({head - slice.kv_heads.begin, begin - slice.query_heads.begin, end - begin});
  }
  return groups;
}

}  // namespace trinity
