#include "plan/fitting_change.h"

#include <fmt/format.h>

#include <algorithm>

#include "kernels/attend.h"

namespace trinity {
namespace {

constexpr int kMostRanks = 64;
constexpr int64_t kShortestContext = 1024;

class Search {
 public:
  Search(const Config& config, std::span<const PlannedTensor> tensors, int64_t memory_bytes)
      : config_(config), tensors_(tensors), memory_bytes_(memory_bytes) {}

  std::vector<FittingChange> Run(const RunShape& shape) {
    TryFewerSequences(shape);
    TryKvTypes(shape);
    TryShorterContext(shape);
    TrySmallerTypes(shape);
    TryExpertsInFiles(shape);
    TryMoreRanks(shape);
    return std::move(found_);
  }

 private:
  bool Try(const RunShape& shape, std::span<const PlannedTensor> tensors, std::string flag) {
    const RankMemory memory = PlanRun(config_, tensors, shape);
    if (memory.total() > memory_bytes_) return false;
    found_.push_back({std::move(flag), memory});
    return true;
  }

  void TryFewerSequences(RunShape shape) {
    while (--shape.num_sequences > 0) {
      if (Try(shape, tensors_, fmt::format("--sequences {}", shape.num_sequences))) return;
    }
  }

  void TryKvTypes(RunShape shape) {
    const int64_t bytes = KvPageBytes(shape.kv_dtype, config_.head_dim);
    for (const auto& [dtype, name] : {std::pair{DType::kF16, "f16"}, {DType::kQ8_0, "q8_0"}}) {
      if (!IsKvDType(dtype, config_.head_dim)) continue;
      if (KvPageBytes(dtype, config_.head_dim) >= bytes) continue;
      shape.kv_dtype = dtype;
      if (Try(shape, tensors_, fmt::format("--kv-type {}", name))) return;
    }
  }

  void TryShorterContext(RunShape shape) {
    const int64_t largest = LargestContext(config_, tensors_, shape, memory_bytes_);
    if (largest < std::min(kShortestContext, shape.context)) return;
    shape.context = largest;
    Try(shape, tensors_, fmt::format("--context {}", largest));
  }

  void TrySmallerTypes(const RunShape& shape) {
    const int64_t bytes = PlanRun(config_, tensors_, shape).weight_bytes();
    for (const char* type : {"bf16", "q8_0", "q6_k", "q5_k_m", "q4_k_m", "iq4_xs"}) {
      const std::vector<PlannedTensor> smaller = PlanTensors(config_, type);
      if (PlanRun(config_, smaller, shape).weight_bytes() >= bytes) continue;
      if (Try(shape, smaller, fmt::format("--type {}", type))) return;
    }
  }

  void TryExpertsInFiles(RunShape shape) {
    if (shape.expert_cache_bytes) return;
    shape.expert_cache_bytes = LeastExpertCache(config_, tensors_, shape);
    if (*shape.expert_cache_bytes > 0) Try(shape, tensors_, "--weights mapped");
  }

  void TryMoreRanks(RunShape shape) {
    int& num_ranks = shape.ranks.num_ranks;
    while ((num_ranks += shape.ranks.expert_groups) <= kMostRanks) {
      if (Try(shape, tensors_, fmt::format("--ranks {}", num_ranks))) return;
    }
  }

  const Config& config_;
  std::span<const PlannedTensor> tensors_;
  int64_t memory_bytes_;
  std::vector<FittingChange> found_;
};

}  // namespace

std::vector<FittingChange> FindFittingChanges(const Config& config,
                                              std::span<const PlannedTensor> tensors,
                                              const RunShape& shape, int64_t memory_bytes) {
  return Search(config, tensors, memory_bytes).Run(shape);
}

}  // namespace trinity
