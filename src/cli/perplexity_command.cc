#include "cli/perplexity_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/cancel_token.h"
#include "base/error.h"
#include "cli/cancel_on_interrupt.h"
#include "cli/json_text.h"
#include "cli/loaded_model.h"
#include "cli/model_path.h"
#include "cli/model_text.h"
#include "cli/prompt_source.h"
#include "cli/standard_output.h"
#include "convert/free_space.h"
#include "measure/perplexity.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(The text is encoded without special tokens and cut into consecutive windows; a shorter rest
is dropped. Each window is computed by itself, and all its positions but the first are scored.

With --kl the probabilities P of another run over the same text, saved with --save-logits, are
compared with those of this one, Q: KL(P || Q), and how often the likeliest token is the same.

Examples:
  trinity perplexity models/trinity-pico text.txt --save-logits full.safetensors
  trinity perplexity pico-q4_k_m.gguf text.txt --kl full.safetensors
)";

constexpr int64_t kDefaultContext = 512;

struct PerplexityOptions {
  ModelOptions model;
  std::optional<std::string> text;
  std::optional<int64_t> context;
  std::optional<std::string> save;
  std::optional<std::string> kl;
  bool is_json = false;
};

ParseOutcome ParseOptions(CommandArguments arguments, PerplexityOptions& options) {
  CommandLine line("trinity perplexity", "Measures how well a model predicts a text", kFooter);
  line.AddPositional("MODEL", options.model.positional, kModelHelp);
  line.AddPositional("TEXT", options.text, "File with the text");
  line.AddInteger("-c,--context,--ctx-size", options.context, {2, 1 << 20},
                  "Tokens of a window; default 512");
  line.AddText("--save-logits", options.save, "FILE",
               "Write the logits of every position, F32, into a safetensors file for --kl");
  line.AddText("--kl", options.kl, "FILE", "Compare with logits that were saved before");
  options.model.AddTo(line);
  options.model.AddKvTypeTo(line);
  options.model.AddLoadingTo(line, "auto");
  line.AddFlag("--json", options.is_json, "Print one JSON object with every number");
  const ParseOutcome outcome = line.Parse(arguments);
  if (outcome == ParseOutcome::kHelpShown) return outcome;
  // A single argument is the text for the default model.
  if (!options.text) std::swap(options.text, options.model.positional);
  if (!options.text) throw UsageError("expected TEXT, a file");
  return outcome;
}

Json ToJson(const PerplexityReport& report) {
  Json json;
  json["windows"] = report.num_windows;
  json["tokens_scored"] = report.num_scored;
  json["mean_nll"] = report.mean_nll;
  json["standard_error"] = report.standard_error;
  json["perplexity"] = report.perplexity;
  if (report.divergence) {
    const Divergence& d = *report.divergence;
    json["reference_perplexity"] = d.reference_perplexity;
    json["mean_kl"] = d.mean_kl;
    json["largest_kl"] = d.largest_kl;
    json["same_top_1"] = d.same_top_1;
    json["rms_change"] = d.rms_change;
  }
  return json;
}

std::string ToText(const PerplexityReport& report) {
  std::string text =
      fmt::format("perplexity {:.4f} +- {:.4f} ({} tokens in {} windows)\n", report.perplexity,
                  report.perplexity * report.standard_error, report.num_scored, report.num_windows);
  if (!report.divergence) return text;
  const Divergence& d = *report.divergence;
  text += fmt::format("reference  {:.4f}, a change of {:+.3f}%\n", d.reference_perplexity,
                      100 * (report.perplexity / d.reference_perplexity - 1));
  text += fmt::format("KL         {:.6f} on average, {:.4f} at most\n", d.mean_kl, d.largest_kl);
  return text + fmt::format(
                    "top-1      {:.2f}% the same; probability of the next token changes by "
                    "{:.3f}% (RMS)\n",
                    100 * d.same_top_1, 100 * d.rms_change);
}

std::vector<int32_t> ReadIds(const PerplexityOptions& options, const Checkpoint& checkpoint,
                             const Config& config) {
  std::vector<int32_t> ids =
      LoadTokenizer(checkpoint).Encode(ReadTextStream(*options.text), SpecialTokens::kLeaveOut);
  const auto too_large =
      std::find_if(ids.begin(), ids.end(), [&](int32_t id) { return id >= config.vocab_size; });
  if (too_large != ids.end()) {
    Fail("{}: the tokenizer gives the id {}, the model has only {}", checkpoint.path(), *too_large,
         config.vocab_size);
  }
  return ids;
}

}  // namespace

int PerplexityCommand(CommandArguments arguments) {
  PerplexityOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  const Checkpoint checkpoint = OpenModelCheckpoint(options.model.path());
  const Config config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
  PerplexityRequest request;
  request.context = options.context.value_or(kDefaultContext);
  request.kv_dtype = options.model.kv_dtype();
  if (request.context > config.max_position_embeddings) {
    throw UsageError(
        fmt::format("--context: expected at most {}, the max_position_embeddings of "
                    "this model, found {}",
                    config.max_position_embeddings, request.context));
  }
  const std::vector<int32_t> ids = ReadIds(options, checkpoint, config);
  request.ids = ids;
  std::optional<LogitFile> reference;
  if (options.kl) request.reference = &reference.emplace(*options.kl);
  const int64_t windows = CountWindows(static_cast<int64_t>(ids.size()), request.context);
  std::optional<LogitFileWriter> save;
  if (options.save && windows > 0) {
    RequireFreeSpace(FolderOf(*options.save), windows * request.context * config.vocab_size *
                                                  static_cast<int64_t>(sizeof(float)));
    request.save =
        &save.emplace(*options.save, LogitFileShape{windows, request.context, config.vocab_size},
                      std::span(ids).first(static_cast<size_t>(windows * request.context)));
  }
  CancelToken cancel;
  const CancelOnInterrupt cancel_on_interrupt(cancel);
  request.on_progress = [&](int64_t done, int64_t all) {
    if (cancel.is_cancelled()) throw Interrupted();
    if (NoticesAreShown()) WriteNotice(fmt::format("\r{} of {} windows\x1b[K", done, all));
  };
  const LoadedModel loaded = LoadModel(checkpoint, options.model);
  const PerplexityReport report = MeasurePerplexity(*loaded.model, request);
  if (NoticesAreShown()) WriteNotice("\r\x1b[K");
  if (save) save->Commit();
  WriteOutput(options.is_json ? JsonText(ToJson(report)) + "\n" : ToText(report));
  return 0;
}

}  // namespace trinity
