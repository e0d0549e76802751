#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace trinity {

enum class Collective : uint8_t { kSum, kGather, kBroadcast, kBarrier };

inline constexpr int kNumCollectives = 4;

// "sum", ...
std::string_view NameOf(Collective collective);

// What a rank has spent on one kind of operation.
struct CollectiveCost {
  int64_t calls = 0;
  int64_t bytes = 0;   // of the values that were summed, gathered or sent, once a call
  double seconds = 0;  // waiting for other ranks included
};

// How long to wait for another rank. Absent: for ever, as for a next command, which people give.
using Patience = std::optional<std::chrono::milliseconds>;

inline constexpr Patience kDefaultPatience = std::chrono::seconds(60);

// The ranks of a group: processes or threads that compute one model together. Each calls the same
// operations in the same order, which return when this rank has its result. All throw RankLost
// where another rank does not come; the group is of no use then.
class Communicator {
 public:
  virtual ~Communicator() = default;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  bool is_leader() const { return rank() == 0; }

  // values += those of all other ranks, which have as many, in the order of SumInPairs: every rank
  // has the same bits, the same in each run.
  void Sum(std::span<float> values);

  // On rank 0: all = the parts of all ranks behind one another. part_bytes: [size()], of every
  // rank. Other ranks give an empty `all`.
  void Gather(std::span<const std::byte> part, std::span<const int64_t> part_bytes,
              std::span<std::byte> all);

  // Everybody's bytes become those of rank 0.
  void Broadcast(std::span<std::byte> bytes, Patience patience);
  void Broadcast(std::span<std::byte> bytes) { Broadcast(bytes, patience_); }

  // Returns when all ranks have come.
  void AwaitAll(Patience patience);

  // Of Sum, Gather and Broadcast where they are told no other.
  void set_patience(Patience patience) { patience_ = patience; }
  Patience patience() const { return patience_; }

  // This rank cannot go on: each operation throws RankLost from now on, also those of ranks in the
  // same memory. Ranks of other processes are left waiting for this one.
  virtual void Lose(std::string_view reason) = 0;

  // Lose, and where there are several processes the end of all of them, this one too.
  virtual void GiveUp(std::string_view reason) = 0;

  const CollectiveCost& cost(Collective collective) const {
    return costs_[static_cast<size_t>(collective)];
  }

 protected:
  virtual void DoSum(std::span<float> values, Patience patience) = 0;
  virtual void DoGather(std::span<const std::byte> part, std::span<const int64_t> part_bytes,
                        std::span<std::byte> all, Patience patience) = 0;
  virtual void DoBroadcast(std::span<std::byte> bytes, Patience patience) = 0;
  virtual void DoAwaitAll(Patience patience) = 0;

 private:
  Patience patience_ = kDefaultPatience;
  std::array<CollectiveCost, kNumCollectives> costs_{};
};

}  // namespace trinity
