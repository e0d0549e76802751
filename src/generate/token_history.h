#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace trinity {

// The tokens of a sequence so far: what penalties look at.
struct TokenHistory {
  std::vector<int32_t> ids;  // prompt, then output
  size_t num_prompt_ids = 0;

  size_t num_output_ids() const { return ids.size() - num_prompt_ids; }
};

}  // namespace trinity
