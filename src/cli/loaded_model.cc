#include "cli/loaded_model.h"

#include <sys/sysinfo.h>

#include <chrono>

#include "base/error.h"
#include "cli/amount_text.h"
#include "cli/model_path.h"
#include "cli/progress_line.h"
#include "cli/standard_output.h"
#include "model/gguf_config.h"

namespace trinity {
namespace {

// Better a message now than the kernel's kill after minutes of reading.
void CheckThatItFits(const Checkpoint& checkpoint) {
  struct sysinfo info {};
  if (sysinfo(&info) != 0) return;
  const auto memory_bytes = static_cast<int64_t>((info.totalram + info.totalswap) * info.mem_unit);
  if (checkpoint.total_bytes() <= memory_bytes) return;
  Fail("{}: its weights take {}, this machine has {} of memory", checkpoint.path(),
       ByteText(checkpoint.total_bytes()), ByteText(memory_bytes));
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

void ModelOptions::AddComputeTo(CommandLine& line, const std::string& default_mode) {
  compute = default_mode;
  line.AddChoice(
      "--compute", compute, {"f32", "bf16", "int8", "auto"},
      "What matrix products are computed in: exactly in f32, with activations rounded "
      "to bf16 (for BF16 weights) or int8 (for quantised weights), or what suits weights "
      "and CPU (f32 for models below 1 GiB, which are fast anyway); default " +
          default_mode);
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
  CheckThatItFits(checkpoint);
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
