#include "cli/perplexity_command.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/cancel_token.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "cli/cancel_on_interrupt.h"
#include "cli/document_file.h"
#include "cli/language_model.h"
#include "cli/loaded_model.h"
#include "cli/model_path.h"
#include "cli/prompt_source.h"
#include "cli/standard_output.h"
#include "convert/free_space.h"
#include "measure/document_likelihood.h"
#include "measure/perplexity.h"
#include "measure/window_logits.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(The text is encoded without special tokens and cut into consecutive windows; a shorter rest
is dropped. Each window is computed by itself, and all its positions but the first are scored.

With --kl the probabilities P of another run over the same text, saved with --save-logits, are
compared with those of this one, Q: KL(P || Q), and how often the likeliest token is the same.

With --documents TEXT has a JSON object a line, {"text": "..."}. Each text is scored whole, by
itself, after the token that begins texts: its log likelihood is that of lm-eval's rolling tasks.

Examples:
  trinity perplexity models/trinity-pico text.txt --save-logits full.safetensors
  trinity perplexity pico-q4_k_m.gguf text.txt --kl full.safetensors
  trinity perplexity models/trinity-pico questions.jsonl --documents --json
)";

constexpr int64_t kDefaultContext = 512;

struct PerplexityOptions {
  ModelOptions model;
  std::optional<std::string> text;
  std::optional<int64_t> context;
  std::optional<std::string> save;
  std::optional<std::string> kl;
  bool has_documents = false;
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
  line.AddFlag("--documents", options.has_documents,
               "TEXT has a JSON object a line: score the text of each by itself");
  options.model.AddTo(line);
  options.model.AddKvTypeTo(line);
  options.model.AddLoadingTo(line, "auto");
  line.AddFlag("--json", options.is_json, "Print one JSON object with every number");
  const ParseOutcome outcome = line.Parse(arguments);
  if (outcome == ParseOutcome::kHelpShown) return outcome;
  // A single argument is the text for the default model.
  if (!options.text) std::swap(options.text, options.model.positional);
  if (!options.text) throw UsageError("expected TEXT, a file");
  if (options.has_documents && (options.save || options.kl)) {
    throw UsageError("--documents: expected neither --save-logits nor --kl beside it");
  }
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

DocumentLikelihood SumOf(const std::vector<DocumentLikelihood>& documents) {
  DocumentLikelihood sum;
  for (const DocumentLikelihood& document : documents) {
    sum.num_tokens += document.num_tokens;
    sum.log_likelihood += document.log_likelihood;
  }
  return sum;
}

double PerplexityOf(const DocumentLikelihood& sum) {
  const auto num_tokens = static_cast<double>(std::max<int64_t>(1, sum.num_tokens));
  return std::exp(-sum.log_likelihood / num_tokens);
}

Json ToJson(const std::vector<DocumentLikelihood>& documents) {
  Json json = {{"documents", Json::array()}};
  for (const DocumentLikelihood& document : documents) {
    json["documents"].push_back(
        {{"tokens", document.num_tokens}, {"log_likelihood", document.log_likelihood}});
  }
  const DocumentLikelihood sum = SumOf(documents);
  json["tokens_scored"] = sum.num_tokens;
  json["log_likelihood"] = sum.log_likelihood;
  json["perplexity"] = PerplexityOf(sum);
  return json;
}

std::string ToText(const std::vector<DocumentLikelihood>& documents) {
  std::string text;
  for (const DocumentLikelihood& document : documents) {
    text += fmt::format("{:6} tokens, log likelihood {:.4f}\n", document.num_tokens,
                        document.log_likelihood);
  }
  const DocumentLikelihood sum = SumOf(documents);
  return text + fmt::format("perplexity {:.4f} ({} tokens in {} documents)\n", PerplexityOf(sum),
                            sum.num_tokens, documents.size());
}

std::vector<int32_t> Encode(const std::string& text, const LanguageModel& model) {
  std::vector<int32_t> ids = model.tokenizer.Encode(text, SpecialTokens::kLeaveOut);
  const auto too_large = std::find_if(ids.begin(), ids.end(),
                                      [&](int32_t id) { return id >= model.config.vocab_size; });
  if (too_large != ids.end()) {
    Fail("{}: the tokenizer gives the id {}, the model has only {}", model.checkpoint.path(),
         *too_large, model.config.vocab_size);
  }
  return ids;
}

// The token that texts begin with: BOS, or EOS where there is none.
int32_t FirstIdOf(const LanguageModel& model) {
  const std::map<std::string, std::string>& named = model.tokenizer_config.named_tokens;
  for (const char* name : {"bos_token", "eos_token"}) {
    const auto found = named.find(name);
    if (found == named.end()) continue;
    const std::optional<int32_t> id = model.tokenizer.FindToken(found->second);
    if (id && *id < model.config.vocab_size) return *id;
  }
  Fail("{}: expected a bos_token or eos_token, found none", model.checkpoint.path());
}

// Says how far it is, and throws where the user has interrupted.
class Progress {
 public:
  explicit Progress(const char* unit) : unit_(unit), cancel_on_interrupt_(cancel_) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    if (NoticesAreShown()) WriteNotice("\r\x1b[K");
  }
  void Show(int64_t done, int64_t all) {
    if (cancel_.is_cancelled()) throw Interrupted();
    if (NoticesAreShown()) WriteNotice(fmt::format("\r{} of {} {}\x1b[K", done, all, unit_));
  }

 private:
  const char* unit_;
  CancelToken cancel_;
  CancelOnInterrupt cancel_on_interrupt_;
};

LoadedModel Load(const PerplexityOptions& options, const LanguageModel& model, int64_t context) {
  RunShape asked;
  asked.context = context;
  asked.prefill_chunk = WindowStepRows(model.config, context - 1);
  asked.logit_rows = asked.prefill_chunk;
  return LoadModel(model.checkpoint, options.model, asked);
}

std::vector<DocumentLikelihood> MeasureDocuments(const PerplexityOptions& options,
                                                 const LanguageModel& model, int64_t context) {
  std::vector<std::vector<int32_t>> documents;
  for (const std::string& text : ReadDocuments(*options.text)) {
    documents.push_back(Encode(text, model));
  }
  DocumentRequest request;
  request.documents = documents;
  request.first_id = FirstIdOf(model);
  request.context = context;
  request.kv_dtype = options.model.kv_dtype();
  const LoadedModel loaded = Load(options, model, context);
  Progress progress("documents");
  request.on_progress = [&](int64_t done, int64_t all) { progress.Show(done, all); };
  return ScoreDocuments(*loaded.model, request);
}

PerplexityReport MeasureText(const PerplexityOptions& options, const LanguageModel& model,
                             int64_t context) {
  const std::vector<int32_t> ids = Encode(ReadTextStream(*options.text), model);
  PerplexityRequest request;
  request.ids = ids;
  request.context = context;
  request.kv_dtype = options.model.kv_dtype();
  std::optional<LogitFile> reference;
  if (options.kl) request.reference = &reference.emplace(*options.kl);
  const int64_t windows = CountWindows(static_cast<int64_t>(ids.size()), context);
  const int64_t vocab_size = model.config.vocab_size;
  std::optional<LogitFileWriter> save;
  if (options.save && windows > 0) {
    RequireFreeSpace(FolderOf(*options.save),
                     windows * context * vocab_size * static_cast<int64_t>(sizeof(float)));
    request.save = &save.emplace(*options.save, LogitFileShape{windows, context, vocab_size},
                                 std::span(ids).first(static_cast<size_t>(windows * context)));
  }
  const LoadedModel loaded = Load(options, model, context);
  Progress progress("windows");
  request.on_progress = [&](int64_t done, int64_t all) { progress.Show(done, all); };
  const PerplexityReport report = MeasurePerplexity(*loaded.model, request);
  if (save) save->Commit();
  return report;
}

template <class Report>
void Print(const Report& report, bool is_json) {
  WriteOutput(is_json ? JsonText(ToJson(report)) + "\n" : ToText(report));
}

}  // namespace

int PerplexityCommand(CommandArguments arguments) {
  PerplexityOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  if (options.save) RequireFileOrNone(*options.save);
  const LanguageModel model = LanguageModel::Open(options.model.path());
  const int64_t context = options.context.value_or(kDefaultContext);
  if (context > model.config.max_position_embeddings) {
    throw UsageError(
        fmt::format("--context: expected at most {}, the max_position_embeddings of "
                    "this model, found {}",
                    model.config.max_position_embeddings, context));
  }
  if (options.has_documents) {
    Print(MeasureDocuments(options, model, context), options.is_json);
  } else {
    Print(MeasureText(options, model, context), options.is_json);
  }
  return 0;
}

}  // namespace trinity
