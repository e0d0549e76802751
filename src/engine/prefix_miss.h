#pragma once

#include <cstdint>
#include <string_view>

namespace trinity {

// Why a prompt could not continue further into what the prefix cache has seen.
enum class PrefixMissReason {
  kNone,     // all of the prompt that can be taken from the cache was
  kOff,      // prefixes are not kept, or the request needs every row of its prompt
  kNew,      // the next token differs from all prompts before
  kBetween,  // the cache holds the tokens but no state at them: the next kept point is further on
  kEvicted,  // it had been kept, and was given up for other requests
};

struct PrefixMiss {
  PrefixMissReason reason = PrefixMissReason::kNone;
  int64_t num_matched = 0;  // tokens of the prompt that had been seen before, in this order
};

std::string_view NameOf(PrefixMissReason reason);

}  // namespace trinity
