#include "cli/synth_command.h"

#include <nlohmann/json.hpp>

#include "base/cancel_token.h"
#include "base/error.h"
#include "base/json_text.h"
#include "cli/amount_text.h"
#include "cli/cancel_on_interrupt.h"
#include "cli/progress_line.h"
#include "cli/standard_output.h"
#include "convert/preset_config.h"
#include "convert/synth.h"
#include "convert/synth_gguf.h"
#include "measure/machine.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(Values depend on seed and tensor name alone, not on threads. The default initialisation keeps
activations near 1 and spreads routing; "reference" is the architecture's own: normal with
initializer_range, norms 1, expert_bias 0.

--out names a folder, or with a name that ends in .gguf a file, whose --type is what `trinity
quantize` would make of that folder, tensor by tensor, without the folder.

Examples:
  trinity synth nano --out /data/nano
  trinity synth mini --type q4_k_m --out /data/mini-q4_k_m.gguf
  trinity synth large --layers 8 --out /data/large-8 --tokenizer path/to/tokenizer.json
)";

struct SynthCommandOptions {
  std::optional<std::string> preset;
  std::optional<std::string> out;
  std::optional<int64_t> layers;
  std::optional<uint64_t> seed;
  std::optional<std::string> tokenizer;
  std::optional<int64_t> threads;
  std::string dtype;
  std::string type;
  std::string init = "balanced";
  bool is_forced = false;
  bool is_json = false;

  bool writes_gguf() const { return out->ends_with(".gguf"); }
  int num_threads() const {
    return threads ? static_cast<int>(*threads) : ThreadPool::DefaultNumThreads();
  }
};

// --dtype and --type say the same of different outputs: the wrong one would be ignored.
void CheckOutputFlags(const SynthCommandOptions& options) {
  if (options.writes_gguf() && !options.dtype.empty()) {
    throw UsageError("--dtype: is for folders, of a GGUF file --type");
  }
  if (!options.writes_gguf() && !options.type.empty()) {
    throw UsageError(fmt::format("--type: needs a file to write, --out NAME.gguf, found --out {}",
                                 Printable(*options.out)));
  }
  if (!options.writes_gguf() && options.is_forced) {
    throw UsageError("--force: replaces a GGUF file, no folder");
  }
}

ParseOutcome ParseOptions(CommandArguments arguments, SynthCommandOptions& options) {
  CommandLine line("trinity synth",
                   "Writes a checkpoint of random weights in the shape of a Trinity model",
                   kFooter);
  line.AddPositional("PRESET", options.preset, "nano, mini or large");
  line.AddText("-o,--out", options.out, "PATH",
               "The folder to fill, made if absent, or the NAME.gguf to write; required");
  line.AddInteger("--layers", options.layers, {1, 1024},
                  "Keep only the first N layers; default: all");
  line.AddChoice("--dtype", options.dtype, {"bf16", "f32"},
                 "Of the matrices of a folder; default bf16");
  line.AddChoice("--type", options.type, WeightTypeNames(),
                 "Of the matrices of a GGUF file; default bf16");
  line.AddSeed("-s,--seed", options.seed, "Of the random numbers; default 0");
  line.AddChoice("--init", options.init, {"balanced", "reference"},
                 "How values are distributed; default balanced");
  line.AddText("--tokenizer", options.tokenizer, "FILE",
               "A tokenizer.json to write beside the weights");
  line.AddInteger("-t,--threads", options.threads, {1, 1024},
                  "Threads to compute with; default: the physical cores that this process may use");
  line.AddFlag("--force", options.is_forced, "Replace a GGUF file that is there already");
  line.AddFlag("--json", options.is_json, "Print one JSON object that tells what was written");
  const ParseOutcome outcome = line.Parse(arguments);
  if (outcome == ParseOutcome::kHelpShown) return outcome;
  if (!options.preset) throw UsageError("expected a preset: nano, mini or large");
  if (!options.out) throw UsageError("--out: expected the folder or file to write, found none");
  CheckOutputFlags(options);
  return outcome;
}

SynthInit InitOf(const SynthCommandOptions& options) {
  return options.init == "reference" ? SynthInit::kReference : SynthInit::kBalanced;
}

SynthOptions FolderOptions(const SynthCommandOptions& options) {
  SynthOptions synth;
  synth.folder = *options.out;
  synth.num_layers = options.layers;
  synth.dtype = options.dtype == "f32" ? DType::kF32 : DType::kBF16;
  synth.seed = options.seed.value_or(0);
  synth.init = InitOf(options);
  synth.tokenizer_path = options.tokenizer;
  return synth;
}

SynthSummary WriteGgufFile(const Json& config, const SynthCommandOptions& options, ThreadPool& pool,
                           const SynthProgress& progress) {
  SynthGgufOptions synth;
  synth.path = *options.out;
  if (options.is_forced) synth.overwriting = Overwriting::kAllowed;
  synth.type = FindWeightType(options.type.empty() ? "bf16" : options.type).value();
  synth.num_layers = options.layers;
  synth.seed = options.seed.value_or(0);
  synth.init = InitOf(options);
  synth.tokenizer_path = options.tokenizer;
  const int64_t needed = SynthGgufMemory(config, synth, pool.num_threads());
  const int64_t available = DescribeMachine().available_bytes;
  if (available > 0 && needed > available) {
    Fail("{}: writing it takes up to {} of memory, {} are available", Printable(*options.out),
         ByteText(needed), ByteText(available));
  }
  return SynthesizeGguf(config, synth, pool, progress);
}

std::string ReportText(const SynthCommandOptions& options, const SynthSummary& summary) {
  if (!options.is_json) {
    return fmt::format(
        "{}: {} parameters in {} tensors, {} in {}\n", *options.out,
        DigitGroups(summary.num_parameters), DigitGroups(summary.num_tensors),
        ByteText(summary.tensor_bytes),
        summary.num_files == 1 ? "1 file" : fmt::format("{} files", summary.num_files));
  }
  Json json;
  json[options.writes_gguf() ? "path" : "folder"] = *options.out;
  json["parameters"] = summary.num_parameters;
  json["tensors"] = summary.num_tensors;
  json["tensor_bytes"] = summary.tensor_bytes;
  json["files"] = summary.num_files;
  return JsonText(json) + "\n";
}

}  // namespace

int SynthCommand(CommandArguments arguments) {
  SynthCommandOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  const Json config = PresetConfig(*options.preset);
  ThreadPool pool(options.num_threads());
  CancelToken cancel;
  const CancelOnInterrupt cancel_on_interrupt(cancel);
  SynthSummary summary;
  {
    ProgressLine progress("writing weights");
    const SynthProgress on_progress = [&](int64_t done_bytes, int64_t total_bytes) {
      if (cancel.is_cancelled()) throw Interrupted();
      progress.Show(done_bytes, total_bytes);
    };
    summary = options.writes_gguf() ? WriteGgufFile(config, options, pool, on_progress)
                                    : Synthesize(config, FolderOptions(options), pool, on_progress);
  }
  WriteOutput(ReportText(options, summary));
  return 0;
}

}  // namespace trinity
