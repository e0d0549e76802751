#pragma once

#include <cstdint>
#include <vector>

namespace trinity {

// What SpecialTokens::kAdd puts around the ids of a text.
struct PostProcessor {
  std::vector<int32_t> before;
  std::vector<int32_t> after;
};

}  // namespace trinity
