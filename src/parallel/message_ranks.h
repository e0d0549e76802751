#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parallel/transport.h"

namespace trinity {

// A rank of a group that has no memory in common: everything goes through messages between pairs of
// ranks, so that one that does not answer can be named.
class MessageRanks final : public Communicator {
 public:
  explicit MessageRanks(std::unique_ptr<Transport> transport) : transport_(std::move(transport)) {}

  int rank() const override { return transport_->rank(); }
  int size() const override { return transport_->size(); }
  void Lose(std::string_view reason) override;
  void GiveUp(std::string_view reason) override { transport_->Abort(reason); }

 protected:
  void DoSum(std::span<float> values, Patience patience) override;
  void DoGather(std::span<const std::byte> part, std::span<const int64_t> part_bytes,
                std::span<std::byte> all, Patience patience) override;
  void DoBroadcast(std::span<std::byte> bytes, Patience patience) override;
  void DoAwaitAll(Patience patience) override;

 private:
  // Sends mine_for(other) to each other rank, and takes what it sends at theirs_of(other).
  template <typename MineFor, typename TheirsOf>
  void ExchangeWithAll(const MineFor& mine_for, const TheirsOf& theirs_of, Patience patience);

  // As the transport does, until a rank is lost.
  void Exchange(std::span<const OutgoingMessage> outgoing,
                std::span<const IncomingMessage> incoming, Patience patience);

  std::unique_ptr<Transport> transport_;
  std::optional<std::string> lost_;  // why the group is at its end
  std::vector<float> received_;
};

}  // namespace trinity
