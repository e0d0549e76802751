#include "cli/loaded_model.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/error.h"
#include "cli/amount_text.h"
#include "cli/model_path.h"
#include "cli/progress_line.h"
#include "cli/standard_output.h"
#include "measure/machine.h"
#include "model/gguf_config.h"
#include "plan/fitting_change.h"

namespace trinity {
namespace {

// What a model of few weights takes at most.
constexpr int64_t kAmple = int64_t{2} << 30;

// Better a message now than the kernel's kill after minutes of reading.
void CheckThatItFits(const Checkpoint& checkpoint, const ModelOptions& options) {
  const int64_t available = DescribeMachine().available_bytes;
  // The system does not tell, or there is more than any plan would come to.
  if (available <= 0 || 2 * checkpoint.total_bytes() + kAmple <= available) return;
  const Config config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
  const std::vector<PlannedTensor> tensors = PlanTensors(config, checkpoint);
  RunShape shape;
  shape.context = std::min(shape.prefill_chunk, config.max_position_embeddings);
  shape.kv_dtype = options.kv_dtype();
  shape.num_threads = options.num_threads();
  const RankMemory memory = PlanRun(config, tensors, shape);
  if (memory.total() <= available) return;
  std::string advice;
  for (const FittingChange& change : FindFittingChanges(config, tensors, shape, available)) {
    if (change.flag.starts_with("--type")) {
      advice = fmt::format("; quantized with {} it would take {}", change.flag,
                           ByteText(change.memory.total()));
    }
  }
  Fail(
      "{}: takes {} of memory ({} of them weights), {} are available{}; `trinity plan` shows more, "
      "--no-memory-check loads it all the same",
      Printable(checkpoint.path(), 1000), ByteText(memory.total()), ByteText(memory.weight_bytes()),
      ByteText(available), advice);
}

}  // namespace

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

void ModelOptions::AddLoadingTo(CommandLine& line, const std::string& default_mode) {
  compute = default_mode;
  line.AddChoice(
      "--compute", compute, {"f32", "bf16", "int8", "auto"},
      "What matrix products are computed in: exactly in f32, with activations rounded "
      "to bf16 (for BF16 weights) or int8 (for quantised weights), or what suits weights "
      "and CPU (f32 for models below 1 GiB, which are fast anyway); default " +
          default_mode);
  line.AddFlag("--no-memory-check", skips_memory_check,
               "Load the model even where it takes more memory than is available");
}

std::string ModelOptions::path() const { return FindModelPath(OneOf(positional, model)); }

int ModelOptions::num_threads() const {
  return threads ? static_cast<int>(*threads) : ThreadPool::DefaultNumThreads();
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

LoadedModel LoadModel(const Checkpoint& checkpoint, const ModelOptions& options) {
  using Clock = std::chrono::steady_clock;
  if (!options.skips_memory_check) CheckThatItFits(checkpoint, options);
  const Clock::time_point start = Clock::now();
  LoadedModel loaded;
  loaded.pool = std::make_unique<ThreadPool>(options.num_threads());
  ProgressLine line("loading weights");
  LoadOptions load;
  load.compute = options.compute_mode();
  load.on_progress = [&](const LoadProgress& progress) {
    line.Show(progress.bytes_done, progress.bytes_total);
  };
  loaded.model = Model::Load(checkpoint, *loaded.pool, load);
  loaded.load_s = std::chrono::duration<double>(Clock::now() - start).count();
  return loaded;
}

}  // namespace trinity
