#include "cli/communication_text.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/amount_text.h"

namespace trinity {
namespace {

constexpr Collective kCollectives[] = {Collective::kSum, Collective::kGather,
                                       Collective::kBroadcast, Collective::kBarrier};

}  // namespace

Json CommunicationJson(const Communicator& ranks) {
  Json json = Json::object();
  if (ranks.size() == 1) return json;
  json["ranks"] = ranks.size();
  for (const Collective collective : kCollectives) {
    const CollectiveCost& cost = ranks.cost(collective);
    json[std::string(NameOf(collective))] = {
        {"calls", cost.calls}, {"bytes", cost.bytes}, {"seconds", cost.seconds}};
  }
  return json;
}

std::string CommunicationText(const Communicator& ranks) {
  std::string text;
  if (ranks.size() == 1) return text;
  text = fmt::format("rank 0 of {}, loading included:\n", ranks.size());
  for (const Collective collective : kCollectives) {
    const CollectiveCost& cost = ranks.cost(collective);
    if (cost.calls == 0) continue;
    text += fmt::format("  {:<10}{:>9} calls{:>12}{:>9.3f} s, {:.1f} us a call\n",
                        NameOf(collective), DigitGroups(cost.calls), ByteText(cost.bytes),
                        cost.seconds, 1e6 * cost.seconds / static_cast<double>(cost.calls));
  }
  return text;
}

}  // namespace trinity
