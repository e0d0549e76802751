#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/memory_block.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "model/expert_slots.h"
#include "model/matrix_layout.h"
#include "model/matrix_reader.h"

namespace trinity {

// What an ExpertStore has been asked for so far.
struct ExpertTraffic {
  int64_t asked = 0;       // experts that steps chose, once a step and layer
  int64_t read = 0;        // of these, those that were not in memory
  int64_t bytes_read = 0;  // from files
  double read_s = 0;       // spent on that by the thread that waits

  ExpertTraffic Since(const ExpertTraffic& earlier) const {
    return {asked - earlier.asked, read - earlier.read, bytes_read - earlier.bytes_read,
            read_s - earlier.read_s};
  }

  // The share of experts that were in memory; 1 where none was asked for.
  double hit_rate() const {
    return asked == 0 ? 1 : 1 - static_cast<double>(read) / static_cast<double>(asked);
  }
};

// The routed experts of a model that stay in its files, of which a few are in memory: a step that
// has chosen experts of a layer brings them there, packed as loading would have packed them.
//
// Memory is cut into slots for the largest expert. Who was chosen longest ago is replaced first,
// but a step that takes most experts of a layer, as those of a prompt do, says nothing about which
// will be chosen next: what it brings is the first to go. Otherwise each chunk of a prompt would
// replace all experts before the next comes back to them.
class ExpertStore {
 public:
  // `experts` [num_layers * num_experts], layer by layer. Checkpoint, pool and the matrices of the
  // layouts must outlive it. Throws Error where `cache_bytes` have no room for one expert.
  ExpertStore(const Checkpoint& checkpoint, ThreadPool& pool, std::vector<MatrixLayout> experts,
              int64_t num_experts, int64_t cache_bytes);

  // Brings the first of `chosen`, each once, into memory: as many as there is room for at a time.
  // Their matrices have data until the next call. Returns their number, at least 1 of one or more.
  // Throws StorageError; then only experts that were read have data.
  int64_t Hold(int64_t layer, std::span<const int32_t> chosen);

  const ExpertTraffic& traffic() const { return traffic_; }
  int64_t cache_bytes() const { return memory_.num_bytes(); }
  // Of the cache what no expert has been read into yet, which the system still counts as free.
  int64_t untouched_bytes() const { return memory_.num_bytes() - touched_bytes_; }

 private:
  const MatrixLayout& Layout(int64_t expert) const { return experts_[static_cast<size_t>(expert)]; }
  void Read(std::span<const ExpertSlots::Assignment> missing);

  ThreadPool& pool_;
  std::vector<MatrixLayout> experts_;
  int64_t num_experts_;  // of a layer
  int64_t slot_bytes_ = 0;
  ExpertSlots slots_;
  MemoryBlock memory_;  // [num_slots, slot_bytes]
  int64_t touched_bytes_ = 0;
  MatrixReader reader_;
  ExpertTraffic traffic_;
};

}  // namespace trinity
