#include "parallel/message_ranks.h"

#include <algorithm>

#include "parallel/index_share.h"
#include "parallel/pairwise_sum.h"
#include "parallel/rank_lost.h"

namespace trinity {
namespace {

// Values whose sum each rank makes for itself: more messages' bytes, but one exchange instead of
// two.
constexpr size_t kFewValues = 8192;

// The values of which `rank` makes the sums for all.
std::span<float> PartOf(std::span<float> values, int num_ranks, int rank) {
  const IndexRange part = ShareOf(static_cast<int64_t>(values.size()), 1, num_ranks, rank);
  return values.subspan(static_cast<size_t>(part.begin), static_cast<size_t>(part.size()));
}

}  // namespace

void MessageRanks::Lose(std::string_view reason) {
  if (!lost_) lost_ = fmt::format("rank {} ended: {}", rank(), reason);
}

// Messages of an exchange that failed may still come: whatever is asked for next would take them
// for its own.
void MessageRanks::Exchange(std::span<const OutgoingMessage> outgoing,
                            std::span<const IncomingMessage> incoming, Patience patience) {
  if (lost_) throw RankLost(*lost_);
  try {
    transport_->Exchange(outgoing, incoming, patience);
  } catch (const RankLost& lost) {
    lost_ = lost.what();
    throw;
  }
}

template <typename MineFor, typename TheirsOf>
void MessageRanks::ExchangeWithAll(const MineFor& mine_for, const TheirsOf& theirs_of,
                                   Patience patience) {
  std::vector<OutgoingMessage> outgoing;
  std::vector<IncomingMessage> incoming;
  for (int other = 0; other < size(); ++other) {
    if (other == rank()) continue;
    outgoing.push_back({other, mine_for(other)});
    incoming.push_back({other, theirs_of(other)});
  }
  Exchange(outgoing, incoming, patience);
}

// Few values go to everybody. Of many, each rank first takes one part from all and sums it, and
// then gives the sum to all.
void MessageRanks::DoSum(std::span<float> values, Patience patience) {
  const bool is_few = values.size() <= kFewValues;
  const auto part_of = [&](int other) { return is_few ? values : PartOf(values, size(), other); };
  const std::span<float> sums = part_of(rank());
  received_.resize(sums.size() * static_cast<size_t>(size()));
  const auto received_from = [&](int other) {
    return std::span(received_).subspan(sums.size() * static_cast<size_t>(other), sums.size());
  };
  ExchangeWithAll([&](int other) { return std::as_bytes(part_of(other)); },
                  [&](int other) { return std::as_writable_bytes(received_from(other)); },
                  patience);
  std::copy(sums.begin(), sums.end(), received_from(rank()).begin());
  std::vector<float*> rows;
  for (int other = 0; other < size(); ++other) rows.push_back(received_from(other).data());
  SumInPairs(rows, static_cast<int64_t>(sums.size()));
  std::copy_n(rows.front(), sums.size(), sums.begin());
  if (is_few) return;
  ExchangeWithAll([&](int) { return std::as_bytes(sums); },
                  [&](int other) { return std::as_writable_bytes(part_of(other)); }, patience);
}

void MessageRanks::DoGather(std::span<const std::byte> part, std::span<const int64_t> part_bytes,
                            std::span<std::byte> all, Patience patience) {
  if (!is_leader()) {
    const OutgoingMessage message = {0, part};
    return Exchange({&message, 1}, {}, patience);
  }
  std::copy(part.begin(), part.end(), all.begin());
  std::vector<IncomingMessage> incoming;
  auto place = static_cast<size_t>(part_bytes[0]);
  for (int other = 1; other < size(); ++other) {
    const auto count = static_cast<size_t>(part_bytes[static_cast<size_t>(other)]);
    incoming.push_back({other, all.subspan(place, count)});
    place += count;
  }
  Exchange({}, incoming, patience);
}

void MessageRanks::DoBroadcast(std::span<std::byte> bytes, Patience patience) {
  if (!is_leader()) {
    const IncomingMessage message = {0, bytes};
    return Exchange({}, {&message, 1}, patience);
  }
  std::vector<OutgoingMessage> outgoing;
  for (int other = 1; other < size(); ++other) outgoing.push_back({other, bytes});
  Exchange(outgoing, {}, patience);
}

void MessageRanks::DoAwaitAll(Patience patience) {
  const std::byte mine{};
  std::vector<std::byte> theirs(static_cast<size_t>(size()));
  ExchangeWithAll(
      [&](int) { return std::span(&mine, 1); },
      [&](int other) { return std::span(theirs).subspan(static_cast<size_t>(other), 1); },
      patience);
}

}  // namespace trinity
