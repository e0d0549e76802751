#include "cli/quantize_command.h"

#include <cmath>
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
#include "convert/quantize_model.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(Writes a GGUF file that llama.cpp loads too. The types mix formats as llama.cpp's do: q4_k_m
and q5_k_m hold the head, and in some layers v and down projections, in Q6_K; mxfp4 holds the routed
experts in MXFP4 and all else in Q8_0. Router and norms stay F32. Rows that no block divides stay
F16, which is said.

--keep gives the matrices whose name in GGUF REGEX finds another type, any that GGUF has: the first
--keep that matches counts. --importance names a safetensors file with one F32 vector a matrix, how
much the error of each column counts (docs/formats.md).

Examples:
  trinity quantize path/to/Trinity-Nano nano-q4_k_m.gguf --type q4_k_m
  trinity quantize nano.gguf nano-mixed.gguf --type q4_0 --keep 'attn_.*=q8_0' --keep output=q6_k
)";

struct QuantizeCommandOptions {
  std::optional<std::string> source;
  std::optional<std::string> destination;
  std::string type;
  std::vector<std::string> kept;
  std::optional<std::string> importance;
  std::optional<int64_t> threads;
  bool is_forced = false;
  bool is_json = false;
};

ParseOutcome ParseOptions(CommandArguments arguments, QuantizeCommandOptions& options) {
  CommandLine line("trinity quantize", "Writes a model in 4 to 8 bits a weight", kFooter);
  line.AddPositional("SRC", options.source, "Model folder, safetensors file or GGUF file");
  line.AddPositional("DST", options.destination, "GGUF file to write");
  line.AddChoice("--type", options.type,
                 {std::begin(kQuantRecipeNames), std::end(kQuantRecipeNames)}, "Required");
  line.AddTexts("--keep", options.kept, "REGEX=TYPE",
                "Another type for the matrices that REGEX finds; may be given several times");
  line.AddText("--importance", options.importance, "FILE",
               "Safetensors file that says how much the error of each column counts");
  line.AddFlag("--force", options.is_forced, "Replace a file that is there already");
  line.AddInteger("-t,--threads", options.threads, {1, 1024},
                  "Threads to work with; default: the physical cores that this process may use");
  line.AddFlag("--json", options.is_json, "Print one JSON object: bytes and errors by class");
  const ParseOutcome outcome = line.Parse(arguments);
  if (outcome == ParseOutcome::kHelpShown) return outcome;
  if (!options.source || !options.destination) throw UsageError("expected SRC and DST");
  if (options.type.empty()) throw UsageError("--type: expected the type to write, found none");
  return outcome;
}

KeptType ParseKept(const std::string& text) {
  const size_t equals = text.rfind('=');
  const std::optional<DType> dtype =
      equals == text.npos ? std::nullopt : FindMatrixDType(text.substr(equals + 1));
  if (!dtype || equals == 0) {
    throw UsageError(fmt::format("--keep: expected REGEX=TYPE, as in attn_v=q8_0, found \"{}\"",
                                 Printable(text)));
  }
  return {text.substr(0, equals), *dtype};
}

double RootMeanSquare(double sum, const RewriteError& error) {
  return error.num_values == 0 ? 0 : std::sqrt(sum / static_cast<double>(error.num_values));
}

double RelativeError(const RewriteError& error) {
  return error.squared_values == 0 ? 0 : std::sqrt(error.squared_error / error.squared_values);
}

QuantizedClass Total(const QuantizeSummary& summary) {
  QuantizedClass total;
  for (const QuantizedClass& c : summary.classes) {
    total.source_bytes += c.source_bytes;
    total.bytes += c.bytes;
    total.error.Add(c.error);
    for (const auto& [dtype, num] : c.num_values) total.num_values[dtype] += num;
  }
  return total;
}

Json ToJson(const QuantizedClass& c) {
  Json json;
  json["source_bytes"] = c.source_bytes;
  json["bytes"] = c.bytes;
  json["rms_error"] = RootMeanSquare(c.error.squared_error, c.error);
  json["relative_rms_error"] = RelativeError(c.error);
  for (const auto& [dtype, num] : c.num_values) json["values"][std::string(NameOf(dtype))] = num;
  return json;
}

std::string Row(std::string_view name, const QuantizedClass& c) {
  std::string types;
  for (const auto& [dtype, num] : c.num_values) {
    types += fmt::format("{}{}", types.empty() ? "" : " ", NameOf(dtype));
  }
  return fmt::format("{:<16}{:>12}{:>12}{:>13.3e}{:>11.3f}%  {}\n", name, ByteText(c.source_bytes),
                     ByteText(c.bytes), RootMeanSquare(c.error.squared_error, c.error),
                     100 * RelativeError(c.error), types);
}

std::string ReportText(const QuantizeCommandOptions& options, const QuantizeSummary& summary) {
  if (options.is_json) {
    Json json;
    json["path"] = *options.destination;
    json["type"] = options.type;
    for (size_t i = 0; i < kNumParameterClasses; ++i) {
      json["classes"][std::string(NameOf(static_cast<ParameterClass>(i)))] =
          ToJson(summary.classes[i]);
    }
    json["total"] = ToJson(Total(summary));
    json["notes"] = summary.notes;
    return JsonText(json) + "\n";
  }
  std::string text = fmt::format("{:<16}{:>12}{:>12}{:>13}{:>12}  {}\n", "class", "before", "after",
                                 "RMS error", "relative", "types");
  for (size_t i = 0; i < kNumParameterClasses; ++i) {
    if (summary.classes[i].bytes == 0) continue;
    text += Row(NameOf(static_cast<ParameterClass>(i)), summary.classes[i]);
  }
  return text + Row("total", Total(summary));
}

}  // namespace

int QuantizeCommand(CommandArguments arguments) {
  QuantizeCommandOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  QuantizeOptions quantize;
  quantize.path = *options.destination;
  quantize.recipe = FindQuantRecipe(options.type).value();
  for (const std::string& text : options.kept) quantize.kept.push_back(ParseKept(text));
  quantize.importance_path = options.importance;
  if (options.is_forced) quantize.overwriting = Overwriting::kAllowed;
  const Checkpoint checkpoint = OpenModelCheckpoint(*options.source);
  const CheckpointText text = LoadCheckpointText(checkpoint);

  ThreadPool pool(options.threads ? static_cast<int>(*options.threads)
                                  : ThreadPool::DefaultNumThreads());
  CancelToken cancel;
  const CancelOnInterrupt cancel_on_interrupt(cancel);
  QuantizeSummary summary;
  {
    ProgressLine line("quantizing");
    summary = QuantizeModel(checkpoint, text, quantize, pool,
                            [&](int64_t done_bytes, int64_t total_bytes) {
                              if (cancel.is_cancelled()) throw Interrupted();
                              line.Show(done_bytes, total_bytes);
                            });
  }
  for (const std::string& note : summary.notes) WriteNotice(fmt::format("[{}]\n", note));
  WriteOutput(ReportText(options, summary));
  return 0;
}

}  // namespace trinity
