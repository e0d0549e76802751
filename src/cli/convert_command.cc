#include "cli/convert_command.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/cancel_token.h"
#include "base/error.h"
#include "base/json_text.h"
#include "cli/amount_text.h"
#include "cli/cancel_on_interrupt.h"
#include "cli/loaded_model.h"
#include "cli/model_text.h"
#include "cli/progress_line.h"
#include "cli/standard_output.h"
#include "convert/convert_model.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(DST is a GGUF file where its name ends with .gguf, else a folder as transformers has it. A
GGUF file carries tokenizer, chat template, stop ids and sampling advice of the folder; norms and
router are written in F32. Back in a folder they take the dtype of the matrices where that loses
nothing. A split GGUF file is read from its first part, so SRC and DST may also both be GGUF files.

With --tensor-parallel R there are R files, DST without .gguf and -rank-0-of-R.gguf and so on. A
command is given the name of one of them. A host needs those of its own ranks; where all are there,
any number of ranks reads them.

DST appears when it is complete.

Examples:
  trinity convert path/to/Trinity-Nano nano.gguf
  trinity convert nano.gguf nano-folder --type bf16
  trinity convert path/to/Trinity-Large large.gguf --tensor-parallel 8
)";

struct ConvertCommandOptions {
  std::optional<std::string> source;
  std::optional<std::string> destination;
  std::optional<int64_t> threads;
  std::string type = "keep";
  std::optional<int64_t> num_ranks;
  std::optional<int64_t> expert_groups;
  bool is_forced = false;
  bool is_json = false;
};

ParseOutcome ParseOptions(CommandArguments arguments, ConvertCommandOptions& options) {
  CommandLine line("trinity convert", "Turns a model folder into a GGUF file, or back", kFooter);
  line.AddPositional("SRC", options.source, "Model folder, safetensors file or GGUF file");
  line.AddPositional("DST", options.destination, "File (*.gguf) or folder to write");
  line.AddChoice("--type", options.type, {"keep", "f32", "f16", "bf16"},
                 "Of the matrices; default keep: as they are");
  line.AddInteger("--tensor-parallel,--ranks", options.num_ranks, {1, 64},
                  "Write a GGUF file for each of R ranks, with what it holds of each tensor");
  line.AddInteger("--expert-parallel", options.expert_groups, {1, 64},
                  "Of these, share the experts out among N groups of ranks");
  line.AddFlag("--force", options.is_forced, "Replace a file, or the model in a folder");
  line.AddInteger("-t,--threads", options.threads, {1, 1024},
                  "Threads to work with; default: the physical cores that this process may use");
  line.AddFlag("--json", options.is_json, "Print one JSON object that tells what was written");
  const ParseOutcome outcome = line.Parse(arguments);
  if (outcome == ParseOutcome::kHelpShown) return outcome;
  if (!options.source || !options.destination) throw UsageError("expected SRC and DST");
  return outcome;
}

std::string ReportText(const ConvertCommandOptions& options, const ConvertSummary& summary) {
  if (!options.is_json) {
    return fmt::format("{}: {} in {} tensors\n", *options.destination,
                       ByteText(summary.tensor_bytes), DigitGroups(summary.num_tensors));
  }
  Json json;
  json["path"] = *options.destination;
  json["tensors"] = summary.num_tensors;
  json["tensor_bytes"] = summary.tensor_bytes;
  json["files"] = summary.num_files;
  json["notes"] = summary.notes;
  return JsonText(json) + "\n";
}

std::optional<DType> DTypeOf(const std::string& type) {
  if (type == "keep") return std::nullopt;
  if (type == "f32") return DType::kF32;
  return type == "f16" ? DType::kF16 : DType::kBF16;
}

RankGrid GridOf(const ConvertCommandOptions& options) {
  const RankGrid grid = {static_cast<int>(options.num_ranks.value_or(1)),
                         static_cast<int>(options.expert_groups.value_or(1))};
  if (grid.num_ranks % grid.expert_groups != 0) {
    throw UsageError(fmt::format("--expert-parallel: expected a divisor of the {} ranks, found {}",
                                 grid.num_ranks, grid.expert_groups));
  }
  return grid;
}

}  // namespace

int ConvertCommand(CommandArguments arguments) {
  ConvertCommandOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  const Checkpoint checkpoint = OpenModelCheckpoint(*options.source);
  const bool to_gguf = options.destination->ends_with(".gguf");
  if (!to_gguf && checkpoint.gguf_metadata() == nullptr) {
    throw UsageError("expected a GGUF file as SRC or a name that ends with .gguf as DST");
  }
  ConvertOptions convert;
  convert.path = *options.destination;
  convert.dtype = DTypeOf(options.type);
  convert.ranks = GridOf(options);
  if (convert.ranks.num_ranks > 1 && !to_gguf) {
    throw UsageError("--tensor-parallel: expected a name that ends with .gguf as DST");
  }
  if (options.is_forced) convert.overwriting = Overwriting::kAllowed;
  const CheckpointText text = LoadCheckpointText(checkpoint);

  ThreadPool pool(options.threads ? static_cast<int>(*options.threads)
                                  : ThreadPool::DefaultNumThreads());
  CancelToken cancel;
  const CancelOnInterrupt cancel_on_interrupt(cancel);
  ConvertSummary summary;
  {
    ProgressLine line("converting");
    const RewriteProgress progress = [&](int64_t done_bytes, int64_t total_bytes) {
      if (cancel.is_cancelled()) throw Interrupted();
      line.Show(done_bytes, total_bytes);
    };
    summary = to_gguf ? ConvertToGguf(checkpoint, text, convert, pool, progress)
                      : ConvertToFolder(checkpoint, text, convert, pool, progress);
  }
  for (const std::string& note : summary.notes) WriteNotice(fmt::format("[{}]\n", note));
  WriteOutput(ReportText(options, summary));
  return 0;
}

}  // namespace trinity
