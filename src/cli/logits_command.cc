#include "cli/logits_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/cancel_token.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "checkpoint/safetensors_writer.h"
#include "cli/cancel_on_interrupt.h"
#include "cli/flag_value.h"
#include "cli/loaded_model.h"
#include "cli/model_text.h"
#include "cli/prompt_source.h"
#include "cli/standard_output.h"
#include "measure/forward_trace.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(FILE appears when it is complete, with these tensors (T tokens, L layers):
  logits          F32 [T, vocab_size]
  hidden          F32 [L + 1, T, hidden_size]; 0: embeddings after the muP factor, l: output of
                  block l - 1, L: after the final norm
  router_experts  I32 [MoE layers, T, num_experts_per_tok], best first; always of all T tokens

Example:
  trinity logits models/trinity-pico -p "The capital of France is" --last 1 --out next.safetensors
)";

struct LogitsOptions {
  ModelOptions model;
  std::optional<std::string> ids;
  std::optional<std::string> ids_file;
  std::optional<std::string> prompt;
  std::optional<std::string> out;
  std::optional<int64_t> last;
  std::optional<int64_t> prefill_chunk;
  bool has_hidden = false;
  bool has_router = false;
  bool is_json = false;
};

ParseOutcome ParseOptions(CommandArguments arguments, LogitsOptions& options) {
  CommandLine line("trinity logits", "Writes the logits of a text into a safetensors file",
                   kFooter);
  line.AddPositional("MODEL", options.model.positional, kModelHelp);
  line.AddText("--ids", options.ids, "IDS", "Token ids, as in 1,2,3");
  line.AddText("--ids-file", options.ids_file, "FILE",
               "Token ids in a file, separated by commas or white space, or as a JSON array");
  line.AddText("-p,--prompt", options.prompt, "TEXT",
               "Text, encoded with its special tokens (BOS) and without a chat template");
  line.AddText("-o,--out", options.out, "FILE", "The file to write; required");
  line.AddInteger("--last", options.last, {1},
                  "Write logits and hidden of the last N tokens only; default: of all");
  line.AddFlag("--hidden", options.has_hidden, "Write the residual stream after each layer too");
  line.AddFlag("--router", options.has_router, "Write the chosen experts too");
  line.AddInteger("--prefill-chunk", options.prefill_chunk, {1, 1 << 20},
                  "Tokens that are computed at once at most; default 512. The result does not "
                  "depend on it");
  options.model.AddTo(line);
  options.model.AddLoadingTo(line, "f32");
  options.model.AddKvTypeTo(line);
  line.AddFlag("--json", options.is_json, "Print one JSON object that tells what was written");
  const ParseOutcome outcome = line.Parse(arguments);
  if (outcome == ParseOutcome::kHelpShown) return outcome;
  const int num_sources =
      (options.ids ? 1 : 0) + (options.ids_file ? 1 : 0) + (options.prompt ? 1 : 0);
  if (num_sources != 1) {
    throw UsageError(fmt::format("expected exactly one of --ids, --ids-file and --prompt, found {}",
                                 num_sources));
  }
  if (!options.out) throw UsageError("--out: expected the file to write, found none");
  return outcome;
}

std::vector<int32_t> ReadIds(const LogitsOptions& options, const Checkpoint& checkpoint) {
  if (options.ids) return ParseTokenIds("--ids", *options.ids);
  if (options.ids_file) {
    try {
      return ParseTokenIds(Printable(*options.ids_file), ReadTextStream(*options.ids_file));
    } catch (const UsageError& error) {
      throw Error(error.what());  // the command was called rightly: the file is wrong
    }
  }
  std::vector<int32_t> ids = LoadTokenizer(checkpoint).Encode(*options.prompt, SpecialTokens::kAdd);
  if (ids.empty()) Fail("--prompt: expected some text: this tokenizer adds no BOS token");
  return ids;
}

void CheckIds(const std::vector<int32_t>& ids, const Config& config) {
  for (const int32_t id : ids) {
    if (id >= config.vocab_size) {
      Fail("token id {}: expected 0 to {}, as the model has them", id, config.vocab_size - 1);
    }
  }
  if (static_cast<int64_t>(ids.size()) > config.max_position_embeddings) {
    Fail("{} tokens: expected at most {}, the max_position_embeddings of this model", ids.size(),
         config.max_position_embeddings);
  }
}

// The output file and where each value stands in it.
class LogitsFile {
 public:
  LogitsFile(const LogitsOptions& options, const Config& config, int64_t num_tokens)
      : config_(config),
        num_tokens_(num_tokens),
        num_rows_(std::min(options.last.value_or(num_tokens), num_tokens)),
        specs_(Specs(options)),
        writer_(*options.out, specs_) {}

  int64_t first_row() const { return num_tokens_ - num_rows_; }
  const std::vector<TensorSpec>& specs() const { return specs_; }

  void WriteLogits(int64_t position, std::span<const float> logits) {
    WriteRow("logits", position - first_row(), std::as_bytes(logits));
  }

  void WriteHidden(int64_t index, int64_t position, std::span<const float> hidden) {
    if (position < first_row()) return;
    WriteRow("hidden", index * num_rows_ + position - first_row(), std::as_bytes(hidden));
  }

  void WriteExperts(int64_t moe_layer, int64_t position, std::span<const int32_t> experts) {
    WriteRow("router_experts", moe_layer * num_tokens_ + position, std::as_bytes(experts));
  }

  void Commit() { writer_.Commit(); }

 private:
  std::vector<TensorSpec> Specs(const LogitsOptions& options) const {
    std::vector<TensorSpec> specs = {{"logits", DType::kF32, {num_rows_, config_.vocab_size}}};
    if (options.has_hidden) {
      specs.push_back(
          {"hidden", DType::kF32, {config_.num_hidden_layers + 1, num_rows_, config_.hidden_size}});
    }
    const int64_t moe_layers = config_.num_hidden_layers - config_.num_dense_layers;
    if (options.has_router && moe_layers > 0) {
      specs.push_back(
          {"router_experts", DType::kI32, {moe_layers, num_tokens_, config_.num_experts_per_tok}});
    }
    return specs;
  }

  void WriteRow(std::string_view tensor, int64_t row, std::span<const std::byte> bytes) {
    const auto spec = std::find_if(specs_.begin(), specs_.end(),
                                   [&](const TensorSpec& s) { return s.name == tensor; });
    writer_.WriteAt(static_cast<size_t>(spec - specs_.begin()),
                    row * static_cast<int64_t>(bytes.size()), bytes);
  }

  const Config& config_;
  int64_t num_tokens_;
  int64_t num_rows_;
  std::vector<TensorSpec> specs_;
  SafetensorsWriter writer_;
};

std::string ReportText(const LogitsOptions& options, const LogitsFile& file) {
  if (options.is_json) {
    Json json;
    json["file"] = *options.out;
    for (const TensorSpec& spec : file.specs()) json["tensors"][spec.name] = spec.shape;
    return JsonText(json) + "\n";
  }
  std::string text = fmt::format("{}:", *options.out);
  for (const TensorSpec& spec : file.specs()) {
    text += fmt::format(" {} {}", spec.name, ShapeText(spec.shape));
  }
  return text + "\n";
}

void Compute(const LogitsOptions& options, const Model& model, std::span<const int32_t> ids,
             LogitsFile& file) {
  CancelToken cancel;
  const CancelOnInterrupt cancel_on_interrupt(cancel);
  TraceRequest request;
  request.sequences = {ids};
  request.first_logit_position = file.first_row();
  request.prefill_chunk = options.prefill_chunk.value_or(request.prefill_chunk);
  request.kv_dtype = options.model.kv_dtype();
  TraceObserver observer;
  observer.on_logits = [&](const TracedToken& token, std::span<const float> logits) {
    file.WriteLogits(token.position, logits);
  };
  // Looks for Ctrl-C once a token in each layer.
  observer.on_hidden = [&](const TracedToken& token, int64_t index, std::span<const float> hidden) {
    if (cancel.is_cancelled()) throw Interrupted();
    if (options.has_hidden) file.WriteHidden(index, token.position, hidden);
  };
  if (options.has_router) {
    observer.on_experts = [&](const TracedToken& token, int64_t moe_layer,
                              std::span<const int32_t> experts) {
      file.WriteExperts(moe_layer, token.position, experts);
    };
  }
  TraceForward(model, request, observer);
}

}  // namespace

int LogitsCommand(CommandArguments arguments) {
  LogitsOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  RequireFileOrNone(*options.out);
  const Checkpoint checkpoint = OpenModelCheckpoint(options.model.path());
  const Config config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
  const std::vector<int32_t> ids = ReadIds(options, checkpoint);
  CheckIds(ids, config);
  RunShape asked;
  asked.context = static_cast<int64_t>(ids.size());
  asked.prefill_chunk = options.prefill_chunk.value_or(asked.prefill_chunk);
  asked.logit_rows = std::min(MostTracedLogits(config, 1), asked.context);
  const LoadedModel loaded = LoadModel(checkpoint, options.model, asked);
  LogitsFile file(options, config, static_cast<int64_t>(ids.size()));
  Compute(options, *loaded.model, ids, file);
  file.Commit();
  WriteOutput(ReportText(options, file));
  return 0;
}

}  // namespace trinity
