#include "parallel/communicator.h"

#include <algorithm>

#include "base/check.h"

namespace trinity {
namespace {

// Counts one operation from its making to its end.
class CountedCall {
 public:
  CountedCall(CollectiveCost& cost, int64_t bytes) : cost_(cost) {
    ++cost.calls;
    cost.bytes += bytes;
  }
  CountedCall(const CountedCall&) = delete;
  CountedCall& operator=(const CountedCall&) = delete;
  ~CountedCall() { cost_.seconds += std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;

  CollectiveCost& cost_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace

std::string_view NameOf(Collective collective) {
  switch (collective) {
    case Collective::kSum:
      return "sum";
    case Collective::kGather:
      return "gather";
    case Collective::kBroadcast:
      return "broadcast";
    default:
      return "barrier";
  }
}

void Communicator::Sum(std::span<float> values) {
  if (size() == 1) return;
  const CountedCall call(costs_[static_cast<size_t>(Collective::kSum)],
                         static_cast<int64_t>(values.size_bytes()));
  DoSum(values, patience_);
}

void Communicator::Gather(std::span<const std::byte> part, std::span<const int64_t> part_bytes,
                          std::span<std::byte> all) {
  TRINITY_CHECK(part_bytes.size() == static_cast<size_t>(size()));
  TRINITY_CHECK(static_cast<int64_t>(part.size()) == part_bytes[static_cast<size_t>(rank())]);
  if (size() == 1) {
    std::copy(part.begin(), part.end(), all.begin());
    return;
  }
  const CountedCall call(costs_[static_cast<size_t>(Collective::kGather)],
                         static_cast<int64_t>(part.size()));
  DoGather(part, part_bytes, all, patience_);
}

void Communicator::Broadcast(std::span<std::byte> bytes, Patience patience) {
  if (size() == 1) return;
  const CountedCall call(costs_[static_cast<size_t>(Collective::kBroadcast)],
                         static_cast<int64_t>(bytes.size()));
  DoBroadcast(bytes, patience);
}

void Communicator::AwaitAll(Patience patience) {
  if (size() == 1) return;
  const CountedCall call(costs_[static_cast<size_t>(Collective::kBarrier)], 0);
  DoAwaitAll(patience);
}

}  // namespace trinity
