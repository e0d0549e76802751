#include "cli/memory_check.h"

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/amount_text.h"
#include "cli/standard_output.h"
#include "measure/machine.h"
#include "plan/fitting_change.h"

namespace trinity {
namespace {

// What a run takes at most beside weights, keys and values, whose plan would need every tensor.
constexpr int64_t kAmple = int64_t{2} << 30;

// Whether a bound that is quick to find says that it fits.
bool ClearlyFits(const Checkpoint& checkpoint, const Config& config, const RunShape& shape,
                 int64_t available) {
  if (shape.backward_rows) return false;
  const auto kv = PlanKv(config, shape.kv_dtype, shape.context);
  const double logits = 4.0 * static_cast<double>(shape.logit_rows.value_or(shape.num_sequences)) *
                        static_cast<double>(config.vocab_size);
  const double bytes =
      2.0 * static_cast<double>(checkpoint.total_bytes()) + static_cast<double>(kAmple) + logits +
      2.0 * static_cast<double>(shape.num_sequences) * static_cast<double>(kv.total());
  return bytes <= static_cast<double>(available);
}

RunShape WithOptions(RunShape shape, const ModelOptions& options) {
  shape.kv_dtype = options.kv_dtype();
  shape.num_threads = options.num_threads();
  shape.ranks = options.grid();
  return shape;
}

constexpr int64_t kUnlimited = std::numeric_limits<int64_t>::max();

// Bytes for each rank; kUnlimited where nobody wants to know, or the system does not tell.
int64_t AvailableBytes(const ModelOptions& options) {
  if (options.skips_memory_check) return kUnlimited;
  ProcessRanks* processes = ProcessRanks::OfThisProcess();
  const int64_t available =
      processes != nullptr ? LeastAvailableBytes(*processes) : DescribeMachine().available_bytes;
  return available > 0 ? available / options.ranks_of_this_process() : kUnlimited;
}

// A model, what is asked of it, and the memory that each rank has for that.
struct Demand {
  Config config;
  RunShape shape;
  int64_t available;
  std::vector<PlannedTensor> tensors;  // where it is not clear that they fit

  RankMemory Memory() const { return PlanRun(config, tensors, shape); }
  bool Fits() const { return Memory().total() <= available; }
};

// What would make it fit, as the end of a sentence.
std::string Advice(const Demand& demand, bool may_have_more_ranks) {
  constexpr std::string_view kRanks = "--ranks ";
  std::string advice;
  for (const FittingChange& change :
       FindFittingChanges(demand.config, demand.tensors, demand.shape, demand.available)) {
    const bool is_flag_of_all =
        change.flag.starts_with("--type") || change.flag.starts_with("--context") ||
        change.flag.starts_with("--kv-type") || change.flag.starts_with("--weights");
    if (may_have_more_ranks && change.flag.starts_with(kRanks)) {
      advice += fmt::format("; with mpirun -n {}, if each has as much, it would take {}",
                            change.flag.substr(kRanks.size()), ByteText(change.memory.total()));
    }
    if (!is_flag_of_all) continue;
    advice +=
        fmt::format("; with {} it would take {}", change.flag, ByteText(change.memory.total()));
  }
  return advice;
}

// Gives experts the memory that --expert-cache says, or what a run gives itself. False where the
// model does not fit even so, or has no experts.
bool LeaveExpertsInFiles(const ModelOptions& options, Demand& demand) {
  RunShape& shape = demand.shape;
  if (LeastExpertCache(demand.config, demand.tensors, shape) == 0) return false;
  const std::optional<int64_t> asked = options.expert_cache_bytes();
  shape.expert_cache_bytes =
      asked ? asked : ChosenExpertCache(demand.config, demand.tensors, shape, demand.available);
  return demand.Fits();
}

// Decides where the weights are, in demand.shape. Returns whether that fits.
bool PlaceWeights(const Checkpoint& checkpoint, const ModelOptions& options, Demand& demand) {
  options.expert_cache_bytes();  // throws where the flags do not go together
  if (options.weights != "mapped" &&
      ClearlyFits(checkpoint, demand.config, demand.shape, demand.available)) {
    return true;
  }
  demand.tensors = PlanTensors(demand.config, checkpoint);
  const bool has_experts = LeastExpertCache(demand.config, demand.tensors, demand.shape) > 0;
  if (options.weights != "mapped" || !has_experts) {
    if (demand.Fits()) return true;
    if (options.weights == "resident") return false;
  }
  return LeaveExpertsInFiles(options, demand);
}

Demand DemandOf(const Checkpoint& checkpoint, const ModelOptions& options, const RunShape& asked) {
  return {Config::FromJson(checkpoint.config(), checkpoint.config_origin()),
          WithOptions(asked, options),
          AvailableBytes(options),
          {}};
}

}  // namespace

std::optional<int64_t> ChooseExpertCache(const Checkpoint& checkpoint, const ModelOptions& options,
                                         const RunShape& asked) {
  Demand demand = DemandOf(checkpoint, options, asked);
  const std::optional<int64_t>& cache = demand.shape.expert_cache_bytes;
  if (PlaceWeights(checkpoint, options, demand)) {
    if (cache && options.weights == "auto") {
      WriteNotice(fmt::format(
          "[{}: more than the memory that is available: experts stay in the file, {} for those in "
          "use]\n",
          Printable(checkpoint.path(), 1000), ByteText(*cache)));
    }
    return cache;
  }
  const RankMemory memory = demand.Memory();
  Fail(
      "{}: takes {} of memory{} with {} tokens ({} of them weights{}, {} keys and values{}), {} "
      "are available{}; `trinity plan` shows more, --no-memory-check loads it all the same",
      Printable(checkpoint.path(), 1000), ByteText(memory.total()),
      demand.shape.ranks.num_ranks > 1 ? " on each rank" : "", DigitGroups(demand.shape.context),
      ByteText(memory.weight_bytes()), cache ? " while most experts stay in the file" : "",
      ByteText(memory.kv_full + memory.kv_sliding),
      memory.backward > 0 ? fmt::format(", {} gradients", ByteText(memory.backward)) : "",
      ByteText(demand.available),
      Advice(demand, ProcessRanks::OfThisProcess() != nullptr && !options.ranks_are_reproducible));
}

int64_t FittingContext(const Checkpoint& checkpoint, const ModelOptions& options,
                       const RunShape& asked, int64_t longest) {
  Demand demand = DemandOf(checkpoint, options, asked);
  if (demand.available == kUnlimited) return longest;
  RunShape whole = demand.shape;
  whole.context = longest;
  if (options.weights != "mapped" &&
      ClearlyFits(checkpoint, demand.config, whole, demand.available)) {
    return longest;
  }
  if (!PlaceWeights(checkpoint, options, demand)) return longest;
  demand.tensors = PlanTensors(demand.config, checkpoint);
  return std::min(longest,
                  LargestContext(demand.config, demand.tensors, demand.shape, demand.available));
}

}  // namespace trinity
