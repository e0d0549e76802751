#include "cli/synth_command.h"

#include <nlohmann/json.hpp>

#include "base/cancel_token.h"
#include "base/error.h"
#include "cli/amount_text.h"
#include "cli/cancel_on_interrupt.h"
#include "cli/json_text.h"
#include "cli/progress_line.h"
#include "cli/standard_output.h"
#include "convert/preset_config.h"
#include "convert/synth.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(Values depend on seed and tensor name alone, not on threads. The default initialisation keeps
activations near 1 and spreads routing; "reference" is the architecture's own: normal with
initializer_range, norms 1, expert_bias 0.

Examples:
  trinity synth nano --out /data/nano
  trinity synth large --layers 8 --out /data/large-8 --tokenizer path/to/tokenizer.json
)";

struct SynthCommandOptions {
  std::optional<std::string> preset;
  std::optional<std::string> out;
  std::optional<int64_t> layers;
  std::optional<uint64_t> seed;
  std::optional<std::string> tokenizer;
  std::optional<int64_t> threads;
  std::string dtype = "bf16";
  std::string init = "balanced";
  bool is_json = false;
};

ParseOutcome ParseOptions(CommandArguments arguments, SynthCommandOptions& options) {
  CommandLine line("trinity synth",
                   "Writes a checkpoint of random weights in the shape of a Trinity model",
                   kFooter);
  line.AddPositional("PRESET", options.preset, "nano, mini or large");
  line.AddText("-o,--out", options.out, "FOLDER", "The folder to fill; made if absent; required");
  line.AddInteger("--layers", options.layers, {1, 1024},
                  "Keep only the first N layers; default: all");
  line.AddChoice("--dtype", options.dtype, {"bf16", "f32"}, "Of the matrices; default bf16");
  line.AddSeed("-s,--seed", options.seed, "Of the random numbers; default 0");
  line.AddChoice("--init", options.init, {"balanced", "reference"},
                 "How values are distributed; default balanced");
  line.AddText("--tokenizer", options.tokenizer, "FILE",
               "A tokenizer.json to copy into the folder");
  line.AddInteger("-t,--threads", options.threads, {1, 1024},
                  "Threads to compute with; default: the physical cores that this process may use");
  line.AddFlag("--json", options.is_json, "Print one JSON object that tells what was written");
  const ParseOutcome outcome = line.Parse(arguments);
  if (outcome == ParseOutcome::kHelpShown) return outcome;
  if (!options.preset) throw UsageError("expected a preset: nano, mini or large");
  if (!options.out) throw UsageError("--out: expected the folder to fill, found none");
  return outcome;
}

std::string ReportText(const SynthCommandOptions& options, const SynthSummary& summary) {
  if (!options.is_json) {
    return fmt::format("{}: {} parameters in {} tensors, {} in {} files\n", *options.out,
                       DigitGroups(summary.num_parameters), DigitGroups(summary.num_tensors),
                       ByteText(summary.tensor_bytes), summary.num_files);
  }
  Json json;
  json["folder"] = *options.out;
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
  SynthOptions synth;
  synth.folder = *options.out;
  synth.num_layers = options.layers;
  synth.dtype = options.dtype == "f32" ? DType::kF32 : DType::kBF16;
  synth.seed = options.seed.value_or(0);
  synth.init = options.init == "reference" ? SynthInit::kReference : SynthInit::kBalanced;
  synth.tokenizer_path = options.tokenizer;

  ThreadPool pool(options.threads ? static_cast<int>(*options.threads)
                                  : ThreadPool::DefaultNumThreads());
  CancelToken cancel;
  const CancelOnInterrupt cancel_on_interrupt(cancel);
  SynthSummary summary;
  {
    ProgressLine progress("writing weights");
    summary = Synthesize(config, synth, pool, [&](int64_t done_bytes, int64_t total_bytes) {
      if (cancel.is_cancelled()) throw Interrupted();
      progress.Show(done_bytes, total_bytes);
    });
  }
  WriteOutput(ReportText(options, summary));
  return 0;
}

}  // namespace trinity
