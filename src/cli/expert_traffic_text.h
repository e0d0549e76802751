#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "model/expert_store.h"

namespace trinity {

// What reading experts that stay in files has cost while `num_tokens` tokens were computed, on
// rank 0: the share that was in memory, and bytes and seconds of reading.
Json ExpertTrafficJson(const ExpertTraffic& traffic, int64_t num_tokens);
std::string ExpertTrafficText(const ExpertTraffic& traffic, int64_t num_tokens);

}  // namespace trinity
