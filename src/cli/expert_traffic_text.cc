#include "cli/expert_traffic_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/amount_text.h"

namespace trinity {

Json ExpertTrafficJson(const ExpertTraffic& traffic, int64_t num_tokens) {
  return {{"asked", traffic.asked},
          {"read", traffic.read},
          {"hit_rate", traffic.hit_rate()},
          {"bytes_read", traffic.bytes_read},
          {"bytes_read_per_token", traffic.bytes_read / std::max<int64_t>(1, num_tokens)},
          {"read_s", traffic.read_s}};
}

std::string ExpertTrafficText(const ExpertTraffic& traffic, int64_t num_tokens) {
  return fmt::format(
      "experts: {:.1f}% in memory when they were chosen; {} read a token, {:.2f} GB in {:.2f} s",
      100 * traffic.hit_rate(), ByteText(traffic.bytes_read / std::max<int64_t>(1, num_tokens)),
      static_cast<double>(traffic.bytes_read) / 1e9, traffic.read_s);
}

}  // namespace trinity
