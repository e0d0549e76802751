#include "cli/loaded_model.h"

#include <chrono>

#include "base/error.h"
#include "cli/flag_value.h"
#include "cli/memory_check.h"
#include "cli/model_path.h"
#include "cli/progress_line.h"
#include "cli/standard_output.h"
#include "model/gguf_config.h"

namespace trinity {
namespace {

// Ranks of every reproducible run: each number that divides it gives the same sums.
constexpr int kReproducibleRanks = 8;

int NumProcesses() {
  ProcessRanks* processes = ProcessRanks::OfThisProcess();
  return processes != nullptr ? processes->group().size() : 1;
}

}  // namespace

RankGrid MakeGrid(int num_ranks, std::optional<int64_t> expert_groups) {
  const RankGrid grid = {num_ranks, static_cast<int>(expert_groups.value_or(1))};
  if (grid.num_ranks % grid.expert_groups != 0) {
    throw UsageError(fmt::format("--expert-parallel: expected a divisor of the {} ranks, found {}",
                                 grid.num_ranks, grid.expert_groups));
  }
  return grid;
}

int ReproducibleParts(int num_ranks) {
  if (kReproducibleRanks % num_ranks == 0) return kReproducibleRanks / num_ranks;
  throw UsageError(
      fmt::format("--reproducible-ranks: expected 1, 2, 4 or 8 ranks, found {}", num_ranks));
}

Checkpoint OpenModelCheckpoint(const std::string& path) {
  Checkpoint checkpoint = Checkpoint::Open(path);
  for (const std::string& assumption : TranslateGguf(checkpoint)) {
    WriteNotice(fmt::format("[{}: assumed that {}]\n", Printable(path, 1000), assumption));
  }
  return checkpoint;
}

void ModelOptions::AddTo(CommandLine& line) {
  line.AddText("-m,--model", model, "PATH", "The same as MODEL");
  line.AddInteger("-t,--threads", threads, {1, 1024},
                  "Threads to compute with; default: the physical cores that this process may use");
}

void ModelOptions::AddKvTypeTo(CommandLine& line) {
  line.AddChoice("--kv-type", kv_type, {"f32", "f16", "bf16", "q8_0"},
                 "How keys and values are cached; default f32");
}

void ModelOptions::AddWeightsTo(CommandLine& line) {
  line.AddChoice("--weights", weights, {"resident", "mapped", "auto"},
                 "Where weights are: all in memory, or experts in the files until they are chosen, "
                 "which runs models larger than memory; auto: in memory where they fit; default "
                 "auto");
  line.AddText("--expert-cache", expert_cache, "BYTES",
               "Memory of each rank for experts that were chosen before, where the others stay in "
               "the files, such as 4GiB; default auto, most of what is left");
}

void ModelOptions::AddLoadingTo(CommandLine& line, const std::string& default_mode) {
  compute = default_mode;
  line.AddChoice(
      "--compute", compute, {"f32", "bf16", "int8", "auto"},
      "What matrix products are computed in: exactly in f32, with activations rounded "
      "to bf16 (for BF16 weights) or int8 (for quantised weights), or what suits weights "
      "and CPU (f32 for models below 1 GiB, which are fast anyway); default " +
          default_mode);
  AddWeightsTo(line);
  line.AddInteger("--ranks,--tensor-parallel", ranks, {1, 64},
                  "Cut the model among N ranks, threads of this process that hold a part of the "
                  "weights and of the cache each; --threads is shared out among them; default 1");
  line.AddFlag("--reproducible-ranks", ranks_are_reproducible,
               "Compute in 8 parts whatever the number of ranks, so that 1, 2, 4 and 8 ranks give "
               "the same bits");
  line.AddInteger("--expert-parallel", expert_groups, {1, 64},
                  "Share the experts out among N groups of ranks, instead of cutting each among "
                  "all ranks; N divides the number of ranks; default 1");
  line.AddInteger("--rank-timeout", rank_timeout_s, {1, 86400},
                  "Seconds after which a rank that does not answer counts as lost; default 60");
  line.AddFlag("--no-memory-check", skips_memory_check,
               "Load the model even where it takes more memory than is available");
}

std::string ModelOptions::path() const { return FindModelPath(OneOf(positional, model)); }

int ModelOptions::num_threads() const {
  return threads ? static_cast<int>(*threads) : ThreadPool::DefaultNumThreads();
}

RankGrid ModelOptions::grid() const {
  RankGrid grid;
  grid.num_ranks = static_cast<int>(ranks.value_or(NumProcesses()));
  if (NumProcesses() > 1 && grid.num_ranks != NumProcesses()) {
    throw UsageError(fmt::format("--ranks: mpirun has started {} ranks, found {}", NumProcesses(),
                                 grid.num_ranks));
  }
  if (ranks_are_reproducible) grid.num_ranks *= ReproducibleParts(grid.num_ranks);
  return MakeGrid(grid.num_ranks, expert_groups);
}

int ModelOptions::ranks_of_this_process() const { return grid().num_ranks / NumProcesses(); }

int ModelOptions::ranks_of_this_host() const {
  const ProcessRanks* processes = ProcessRanks::OfThisProcess();
  return ranks_of_this_process() * (processes != nullptr ? processes->num_on_host() : 1);
}

DType ModelOptions::kv_dtype() const {
  if (kv_type == "f16") return DType::kF16;
  if (kv_type == "bf16") return DType::kBF16;
  return kv_type == "q8_0" ? DType::kQ8_0 : DType::kF32;
}

ComputeMode ModelOptions::compute_mode() const {
  if (compute == "auto") return ComputeMode::kAuto;
  if (compute == "int8") return ComputeMode::kInt8;
  return compute == "bf16" ? ComputeMode::kBF16 : ComputeMode::kF32;
}

std::optional<int64_t> ModelOptions::expert_cache_bytes() const {
  if (!expert_cache || *expert_cache == "auto") return std::nullopt;
  if (weights == "resident") {
    throw UsageError("--expert-cache: expected --weights mapped or auto, found resident");
  }
  return ParseBytesFlag("--expert-cache", *expert_cache);
}

LoadedModel LoadModel(const Checkpoint& checkpoint, const ModelOptions& options,
                      const RunShape& asked) {
  using Clock = std::chrono::steady_clock;
  LoadOptions load;
  load.expert_cache_bytes = ChooseExpertCache(checkpoint, options, asked);
  const Clock::time_point start = Clock::now();
  LoadedModel loaded;
  ProgressLine line("loading weights");
  load.compute = options.compute_mode();
  load.on_progress = [&](const LoadProgress& progress) {
    line.Show(progress.bytes_done, progress.bytes_total);
  };
  load.grid = options.grid();
  if (options.rank_timeout_s) load.rank_patience = std::chrono::seconds(*options.rank_timeout_s);
  const int threads_per_rank = std::max(1, options.num_threads() / options.ranks_of_this_process());
  ProcessRanks* processes = ProcessRanks::OfThisProcess();
  loaded.group = processes != nullptr
                     ? LoadOnProcesses(*processes, checkpoint, threads_per_rank, load)
                     : std::make_unique<ModelGroup>(checkpoint, threads_per_rank, load,
                                                    SingleRank::Shared(), TasksOfRanks());
  loaded.model = &loaded.group->leader();
  loaded.expert_cache_bytes = load.expert_cache_bytes;
  loaded.load_s = std::chrono::duration<double>(Clock::now() - start).count();
  return loaded;
}

}  // namespace trinity
