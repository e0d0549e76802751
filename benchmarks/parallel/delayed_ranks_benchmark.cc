// What a network costs: one token on two ranks whose every meeting takes so long and so much a byte
// more. `modelled_ms` is the time without delay plus meetings and bytes times theirs, which is how
// docs/distributed.md reckons for networks that are not here.

#include <benchmark/benchmark.h>

#include <array>
#include <chrono>
#include <thread>

#include "model/activations.h"
#include "model/kv_cache.h"
#include "model/model_group.h"

namespace trinity {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kNumRanks = 2;

struct Network {
  std::chrono::microseconds latency;
  double bytes_per_second;

  double SecondsOf(int64_t calls, int64_t bytes) const {
    const double latency_s = std::chrono::duration<double>(latency).count();
    return static_cast<double>(calls) * latency_s + static_cast<double>(bytes) / bytes_per_second;
  }
};

// A rank whose operations take as long as on a network.
class DelayedRank final : public Communicator {
 public:
  DelayedRank(Communicator& rank, const Network& network) : rank_(rank), network_(network) {}

  int rank() const override { return rank_.rank(); }
  int size() const override { return rank_.size(); }
  void Lose(std::string_view reason) override { rank_.Lose(reason); }
  void GiveUp(std::string_view reason) override { rank_.GiveUp(reason); }

 protected:
  void DoSum(std::span<float> values, Patience /*patience*/) override {
    rank_.Sum(values);
    Wait(values.size_bytes());
  }
  void DoGather(std::span<const std::byte> part, std::span<const int64_t> part_bytes,
                std::span<std::byte> all, Patience /*patience*/) override {
    rank_.Gather(part, part_bytes, all);
    Wait(part.size());
  }
  void DoBroadcast(std::span<std::byte> bytes, Patience patience) override {
    rank_.Broadcast(bytes, patience);
    Wait(bytes.size());
  }
  void DoAwaitAll(Patience patience) override {
    rank_.AwaitAll(patience);
    Wait(0);
  }

 private:
  // Not asleep: the system would wake it some 50 microseconds late.
  void Wait(size_t num_bytes) const {
    const double seconds = network_.SecondsOf(1, static_cast<int64_t>(num_bytes));
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    while (Clock::now() < end) std::this_thread::yield();
  }

  Communicator& rank_;
  Network network_;
};

// The benchmarks' time a token without delay, which the others add theirs to.
double& UndelayedSeconds() {
  static double seconds = 0;
  return seconds;
}

void BM_DecodePico(benchmark::State& state) {
  const Network network = {std::chrono::microseconds(state.range(0)), 1e9};
  const Checkpoint checkpoint = Checkpoint::Open(TRINITY_SOURCE_DIR "/models/trinity-pico");
  LoadOptions load;
  load.grid.num_ranks = kNumRanks;
  ThreadRanks threads(kNumRanks);
  std::array<DelayedRank, kNumRanks> ranks = {DelayedRank(threads.Of(0), network),
                                              DelayedRank(threads.Of(1), network)};
  std::thread follower([&] { ModelGroup(checkpoint, 1, load, ranks[1]).Follow(); });
  {
    ModelGroup group(checkpoint, 1, load, ranks[0]);
    KvPools pools(group.leader().kv_shape(), DType::kF32);
    KvCache cache(pools);
    Activations activations;
    Step step;
    const std::array<int32_t, 1> id = {1};
    const auto sum_of = [&](auto member) {
      int64_t sum = 0;
      for (const Collective c : {Collective::kSum, Collective::kGather, Collective::kBroadcast}) {
        sum += ranks[0].cost(c).*member;
      }
      return sum;
    };
    const int64_t calls = sum_of(&CollectiveCost::calls), bytes = sum_of(&CollectiveCost::bytes);
    const Clock::time_point start = Clock::now();
    for (auto _ : state) {
      step.Clear();
      step.Add(cache, id, 1, 1);
      group.leader().Forward(step, activations);
    }
    const std::chrono::duration<double> elapsed = Clock::now() - start;
    const auto num_tokens = static_cast<double>(state.iterations());
    const double seconds = elapsed.count() / num_tokens;
    if (state.range(0) == 0) UndelayedSeconds() = seconds;
    const int64_t calls_done = sum_of(&CollectiveCost::calls) - calls;
    const int64_t bytes_done = sum_of(&CollectiveCost::bytes) - bytes;
    state.counters["meetings"] = static_cast<double>(calls_done) / num_tokens;
    state.counters["bytes"] = static_cast<double>(bytes_done) / num_tokens;
    state.counters["ms"] = seconds * 1e3;
    state.counters["modelled_ms"] =
        (UndelayedSeconds() + network.SecondsOf(calls_done, bytes_done) / num_tokens) * 1e3;
  }
  follower.join();
}
BENCHMARK(BM_DecodePico)->Arg(0)->Arg(20)->Arg(50)->Arg(200)->Arg(1000)->Iterations(300);

}  // namespace
}  // namespace trinity
