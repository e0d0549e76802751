#include "model/expert_store.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.h"

namespace trinity {
namespace {

int64_t LargestBytes(std::span<const MatrixLayout> experts) {
  int64_t most = 0;
  for (const MatrixLayout& expert : experts) most = std::max(most, expert.num_bytes());
  return most;
}

// A rank may hold nothing of some experts.
int64_t NumHeld(std::span<const MatrixLayout> experts) {
  return std::count_if(experts.begin(), experts.end(),
                       [](const MatrixLayout& expert) { return expert.num_bytes() > 0; });
}

int64_t NumSlots(std::span<const MatrixLayout> experts, int64_t cache_bytes) {
  const int64_t slot_bytes = LargestBytes(experts);
  if (slot_bytes == 0) return 0;
  if (cache_bytes < slot_bytes) {
    Fail("expert cache: expected at least the {} bytes of one expert, found {}", slot_bytes,
         cache_bytes);
  }
  return std::min(cache_bytes / slot_bytes, NumHeld(experts));
}

}  // namespace

ExpertStore::ExpertStore(const Checkpoint& checkpoint, ThreadPool& pool,
                         std::vector<MatrixLayout> experts, int64_t num_experts,
                         int64_t cache_bytes)
    : pool_(pool),
      experts_(std::move(experts)),
      num_experts_(num_experts),
      slot_bytes_(LargestBytes(experts_)),
      slots_(static_cast<int64_t>(experts_.size()), NumSlots(experts_, cache_bytes)),
      memory_(slots_.num_slots() * slot_bytes_),
      reader_(checkpoint, MatrixReader::PageCache::kKeepsNothing, pool.num_threads()) {}

int64_t ExpertStore::Hold(int64_t layer, std::span<const int32_t> chosen) {
  std::vector<int64_t> asked;
  int64_t count = 0;
  for (const int32_t expert : chosen) {
    const int64_t index = layer * num_experts_ + expert;
    if (Layout(index).num_bytes() > 0) {
      if (static_cast<int64_t>(asked.size()) == slots_.num_slots()) break;
      asked.push_back(index);
    }
    ++count;
  }
  const bool takes_most = 2 * static_cast<int64_t>(chosen.size()) > num_experts_;
  const std::vector<ExpertSlots::Assignment> missing = slots_.Assign(
      asked, takes_most ? ExpertSlots::Newcomers::kGoFirst : ExpertSlots::Newcomers::kStay);
  traffic_.asked += static_cast<int64_t>(asked.size());
  traffic_.read += static_cast<int64_t>(missing.size());
  if (!missing.empty()) Read(missing);
  return count;
}

void ExpertStore::Read(std::span<const ExpertSlots::Assignment> missing) {
  const auto start = std::chrono::steady_clock::now();
  std::vector<MatrixUnit> units;
  std::vector<std::byte*> memory_of;  // by unit
  for (const ExpertSlots::Assignment& assignment : missing) {
    if (assignment.replaced) Layout(*assignment.replaced).SetMemory(nullptr);
    Layout(assignment.expert).AppendUnits(units);
    memory_of.resize(units.size(), memory_.data() + assignment.slot * slot_bytes_);
    const int64_t slot_end = (assignment.slot + 1) * slot_bytes_;
    memory_.PreferHugePages(slot_end);
    touched_bytes_ = std::max(touched_bytes_, slot_end);
  }
  try {
    pool_.ParallelFor(static_cast<int64_t>(units.size()), [&](int64_t index, int thread) {
      const auto i = static_cast<size_t>(index);
      reader_.Read(units[i], thread, memory_of[i]);
    });
  } catch (...) {
    for (const ExpertSlots::Assignment& assignment : missing) slots_.Release(assignment.expert);
    throw;
  }
  for (const ExpertSlots::Assignment& assignment : missing) {
    Layout(assignment.expert).SetMemory(memory_.data() + assignment.slot * slot_bytes_);
  }
  for (const MatrixUnit& unit : units) traffic_.bytes_read += unit.num_bytes();
  traffic_.read_s +=
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace trinity
