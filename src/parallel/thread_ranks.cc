#include "parallel/thread_ranks.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "parallel/index_share.h"
#include "parallel/pairwise_sum.h"
#include "parallel/rank_lost.h"

namespace trinity {

class ThreadRanks::Member final : public Communicator {
 public:
  Member(ThreadRanks& group, int thread) : group_(group), thread_(thread) {}

  int rank() const override { return processes().rank() * num_threads() + thread_; }
  int size() const override { return processes().size() * num_threads(); }

  void Lose(std::string_view reason) override {
    group_.Lose(thread_, fmt::format("rank {} ended: {}", rank(), reason));
    if (speaks()) processes().Lose(reason);
  }
  void GiveUp(std::string_view reason) override {
    Lose(reason);
    if (speaks()) processes().GiveUp(reason);
  }

 protected:
  // Each thread sums one part of the values for all of the process.
  void DoSum(std::span<float> values, Patience patience) override {
    Show(std::as_writable_bytes(values));
    group_.Meet(thread_, patience);
    const IndexRange own = ShareOf(static_cast<int64_t>(values.size()), 1, num_threads(), thread_);
    static thread_local std::vector<float*> rows;
    rows.clear();
    for (int i = 0; i < num_threads(); ++i) rows.push_back(ValuesOf(i) + own.begin);
    SumInPairs(rows, own.size());
    if (is_one_process()) {
      for (int i = 1; i < num_threads(); ++i) std::copy_n(rows[0], own.size(), rows[i]);
      return group_.Meet(thread_, patience);
    }
    group_.Meet(thread_, patience);
    SpeakForAll([&] { processes().Sum(values); }, patience);
    if (!speaks()) std::copy_n(ValuesOf(0), values.size(), values.begin());
    group_.Meet(thread_, patience);
  }

  void DoGather(std::span<const std::byte> part, std::span<const int64_t> part_bytes,
                std::span<std::byte> all, Patience patience) override {
    const std::vector<int64_t> process_bytes = BytesOfProcesses(part_bytes);
    if (speaks()) {
      const auto own_bytes = static_cast<size_t>(process_bytes[processes().rank()]);
      if (!is_one_process()) group_.gathered_.resize(own_bytes);
      Show(is_one_process() ? all : std::span(group_.gathered_));
    }
    group_.Meet(thread_, patience);
    int64_t place = 0;
    for (int i = rank() - thread_; i < rank(); ++i) place += part_bytes[static_cast<size_t>(i)];
    std::copy(part.begin(), part.end(), ShownBy(0).data + place);
    group_.Meet(thread_, patience);
    if (is_one_process()) return;
    SpeakForAll([&] { processes().Gather(group_.gathered_, process_bytes, all); }, patience);
  }

  void DoBroadcast(std::span<std::byte> bytes, Patience patience) override {
    Show(bytes);
    SpeakForAll([&] { processes().Broadcast(bytes, patience); }, patience);
    if (!speaks()) {
      TRINITY_CHECK(ShownBy(0).size == bytes.size());
      std::copy_n(ShownBy(0).data, bytes.size(), bytes.begin());
    }
    group_.Meet(thread_, patience);
  }

  void DoAwaitAll(Patience patience) override {
    group_.Meet(thread_, patience);
    SpeakForAll([&] { processes().AwaitAll(patience); }, patience);
  }

 private:
  Communicator& processes() const { return group_.processes_; }
  int num_threads() const { return group_.num_threads_; }
  bool is_one_process() const { return processes().size() == 1; }
  bool speaks() const { return thread_ == 0; }

  // Thread 0 does it while the others wait: as long as it takes, since thread 0 counts the time.
  template <typename Work>
  void SpeakForAll(const Work& work, Patience patience) {
    if (speaks()) {
      try {
        work();
      } catch (const RankLost& lost) {
        group_.Lose(thread_, lost.what());
        throw;
      }
    }
    group_.Meet(thread_, speaks() || is_one_process() ? patience : std::nullopt);
  }

  std::vector<int64_t> BytesOfProcesses(std::span<const int64_t> part_bytes) const {
    std::vector<int64_t> bytes(static_cast<size_t>(processes().size()));
    for (size_t i = 0; i < part_bytes.size(); ++i) {
      bytes[i / static_cast<size_t>(num_threads())] += part_bytes[i];
    }
    return bytes;
  }

  void Show(std::span<std::byte> bytes) {
    group_.shown_[static_cast<size_t>(thread_)] = {bytes.data(), bytes.size()};
  }
  const Shown& ShownBy(int thread) const { return group_.shown_[static_cast<size_t>(thread)]; }
  float* ValuesOf(int thread) const { return reinterpret_cast<float*>(ShownBy(thread).data); }

  ThreadRanks& group_;
  const int thread_;
};

ThreadRanks::ThreadRanks(int num_threads, Communicator& processes)
    : num_threads_(num_threads),
      processes_(processes),
      shown_(static_cast<size_t>(num_threads)),
      num_meetings_(static_cast<size_t>(num_threads)),
      has_heard_(static_cast<size_t>(num_threads)) {
  for (int thread = 0; thread < num_threads; ++thread) {
    members_.push_back(std::make_unique<Member>(*this, thread));
  }
}

ThreadRanks::~ThreadRanks() = default;

Communicator& ThreadRanks::Of(int thread) { return *members_[static_cast<size_t>(thread)]; }

void ThreadRanks::Meet(int thread, Patience patience) {
  std::unique_lock lock(mutex_);
  const int64_t meeting = ++num_meetings_[static_cast<size_t>(thread)];
  const auto is_over = [&] {
    return lost_ || *std::min_element(num_meetings_.begin(), num_meetings_.end()) >= meeting;
  };
  if (is_over()) {
    all_came_.notify_all();
  } else if (!patience) {
    all_came_.wait(lock, is_over);
  } else if (!all_came_.wait_for(lock, *patience, is_over)) {
    const auto late = std::min_element(num_meetings_.begin(), num_meetings_.end());
    lost_ = fmt::format("rank {} did not answer for {} s",
                        processes_.rank() * num_threads_ + (late - num_meetings_.begin()),
                        std::chrono::duration<double>(*patience).count());
    all_came_.notify_all();
  }
  if (!lost_) return;
  MarkHeard(thread);
  throw RankLost(*lost_);
}

void ThreadRanks::Lose(int thread, std::string message) {
  const std::lock_guard lock(mutex_);
  if (!lost_) lost_ = std::move(message);
  MarkHeard(thread);
  all_came_.notify_all();
}

void ThreadRanks::MarkHeard(int thread) {
  has_heard_[static_cast<size_t>(thread)] = true;
  was_heard_.notify_all();
}

std::optional<std::string> ThreadRanks::loss() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

bool ThreadRanks::AwaitHeard(int thread, std::chrono::milliseconds patience) {
  std::unique_lock lock(mutex_);
  return was_heard_.wait_for(lock, patience,
                             [&] { return has_heard_[static_cast<size_t>(thread)]; });
}

}  // namespace trinity
