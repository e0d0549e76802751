#include "cli/inspect_command.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json_text.h"
#include "cli/amount_text.h"
#include "cli/loaded_model.h"
#include "cli/model_path.h"
#include "cli/model_text.h"
#include "cli/standard_output.h"
#include "model/memory_plan.h"

namespace trinity {
namespace {

constexpr const char* kFooter =
    R"(Reads headers only, so it is quick whatever the size of the model.

Examples:
  trinity inspect
  trinity inspect path/to/Trinity-Mini --tensors
)";

// The dtypes that a cache of this model can have.
std::vector<DType> KvDTypes(const Config& config) {
  std::vector<DType> dtypes = {DType::kF32, DType::kF16, DType::kBF16};
  if (IsKvDType(DType::kQ8_0, config.head_dim)) dtypes.push_back(DType::kQ8_0);
  return dtypes;
}

struct InspectOptions {
  std::optional<std::string> positional;
  std::optional<std::string> model;
  bool has_tensors = false;
  bool is_json = false;
};

ParseOutcome ParseOptions(CommandArguments arguments, InspectOptions& options) {
  CommandLine line("trinity inspect",
                   "Shows what a checkpoint holds: config, layers, parameters, bytes, KV cache, "
                   "tokenizer",
                   kFooter);
  line.AddPositional("MODEL", options.positional, kModelHelp);
  line.AddText("-m,--model", options.model, "PATH", "The same as MODEL");
  line.AddFlag("--tensors", options.has_tensors, "List every tensor too");
  line.AddFlag("--json", options.is_json, "Print one JSON object with all of it");
  return line.Parse(arguments);
}

bool Equal(const LayerPlan& a, const LayerPlan& b) {
  return a.attention == b.attention && a.window == b.window && a.uses_rope == b.uses_rope &&
         a.feed_forward == b.feed_forward;
}

// What a config says, in its own words and order.
std::vector<std::pair<std::string, Json>> ConfigFields(const Config& c) {
  return {{"hidden_size", c.hidden_size},
          {"num_hidden_layers", c.num_hidden_layers},
          {"num_dense_layers", c.num_dense_layers},
          {"num_attention_heads", c.num_attention_heads},
          {"num_key_value_heads", c.num_key_value_heads},
          {"head_dim", c.head_dim},
          {"intermediate_size", c.intermediate_size},
          {"moe_intermediate_size", c.moe_intermediate_size},
          {"num_experts", c.num_experts},
          {"num_experts_per_tok", c.num_experts_per_tok},
          {"num_shared_experts", c.num_shared_experts},
          {"vocab_size", c.vocab_size},
          {"max_position_embeddings", c.max_position_embeddings},
          {"sliding_window", c.sliding_window ? Json(*c.sliding_window) : Json()},
          {"rope_theta", c.rope_theta},
          // Through text: a float as double would show digits that nobody wrote.
          {"rms_norm_eps", std::stod(fmt::format("{}", c.rms_norm_eps))},
          {"score_func", c.score_func == ScoreFunction::kSigmoid ? "sigmoid" : "softmax"},
          {"route_norm", c.route_norm},
          {"route_scale", std::stod(fmt::format("{}", c.route_scale))},
          {"mup_enabled", c.mup_enabled},
          {"tie_word_embeddings", c.tie_word_embeddings}};
}

// Some powers of two below the longest context, and that.
std::vector<int64_t> ContextsToShow(const Config& config) {
  std::vector<int64_t> contexts;
  for (const int64_t context : {1024, 4096, 32768, 131072}) {
    if (context < config.max_position_embeddings) contexts.push_back(context);
  }
  contexts.push_back(config.max_position_embeddings);
  return contexts;
}

// A tokenizer with what lies beside it, where there is one.
struct TokenizerFacts {
  Tokenizer tokenizer;
  TokenizerConfig config;
  GenerationConfig generation_config;
};

std::optional<TokenizerFacts> LoadTokenizerFacts(const Checkpoint& checkpoint) {
  if (!HasTokenizer(checkpoint)) return std::nullopt;
  return TokenizerFacts{LoadTokenizer(checkpoint), LoadTokenizerConfig(checkpoint),
                        LoadGenerationConfig(checkpoint)};
}

struct Inspection {
  Checkpoint checkpoint;
  Config config;
  std::vector<LayerPlan> layers;
  WeightPlan weights;
  int64_t implied_parameters;  // by the shapes that the config implies
  std::optional<TokenizerFacts> tokenizer;
};

Inspection Inspect(const std::string& path) {
  Checkpoint checkpoint = OpenModelCheckpoint(path);
  Config config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
  std::vector<LayerPlan> layers = PlanLayers(config);
  const WeightPlan weights = PlanWeights(config, checkpoint);
  const int64_t implied = PlanWeights(config, DType::kBF16).Total().parameters;
  std::optional<TokenizerFacts> tokenizer = LoadTokenizerFacts(checkpoint);
  return {std::move(checkpoint), std::move(config), std::move(layers), weights, implied,
          std::move(tokenizer)};
}

Json ToJson(const WeightCount& count) {
  return {{"parameters", count.parameters},
          {"bytes", count.bytes},
          {"active_parameters", count.active_parameters},
          {"active_bytes", count.active_bytes}};
}

Json LayersJson(const std::vector<LayerPlan>& layers) {
  Json json = Json::array();
  for (const LayerPlan& layer : layers) {
    json.push_back({{"attention", NameOf(layer.attention)},
                    {"window", layer.window ? Json(*layer.window) : Json()},
                    {"rope", layer.uses_rope},
                    {"feed_forward", NameOf(layer.feed_forward)}});
  }
  return json;
}

Json KvJson(const Config& config) {
  Json json = Json::array();
  for (const int64_t context : ContextsToShow(config)) {
    Json entry = {{"tokens", context}};
    for (const DType dtype : KvDTypes(config)) {
      entry[std::string(NameOf(dtype))] = PlanKv(config, dtype, context).total();
    }
    json.push_back(entry);
  }
  return json;
}

Json TokenizerJson(const TokenizerFacts& facts) {
  Json json;
  json["tokens"] = facts.tokenizer.num_tokens();
  json["merges"] = facts.tokenizer.num_merges();
  json["pre_tokenizer"] = facts.tokenizer.pre_tokenizer_steps();
  json["added_tokens"] = Json::array();
  for (const AddedToken& token : facts.tokenizer.added_tokens()) {
    json["added_tokens"].push_back(
        {{"id", token.id}, {"content", token.content}, {"special", token.special}});
  }
  const auto text = [](const std::optional<std::string>& value) {
    return value ? Json(*value) : Json();
  };
  json["bos_token"] = text(facts.config.bos_token);
  json["eos_token"] = text(facts.config.eos_token);
  json["eos_token_ids"] = facts.generation_config.eos_token_ids;
  json["chat_template"] = !facts.config.chat_templates.empty();
  return json;
}

Json FilesJson(const Checkpoint& checkpoint) {
  Json json = Json::array();
  for (const File& file : checkpoint.files()) {
    json.push_back({{"path", file.path()}, {"bytes", file.size_bytes()}});
  }
  return json;
}

Json TensorsJson(const Checkpoint& checkpoint) {
  Json json = Json::array();
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    json.push_back({{"name", tensor.name},
                    {"dtype", NameOf(tensor.dtype)},
                    {"shape", tensor.shape},
                    {"bytes", tensor.num_bytes},
                    {"file", tensor.file_index}});
  }
  return json;
}

Json ToJson(const Inspection& inspection, const InspectOptions& options) {
  Json json;
  json["model"] = inspection.checkpoint.path();
  for (const auto& [key, value] : ConfigFields(inspection.config)) json["config"][key] = value;
  json["layers"] = LayersJson(inspection.layers);
  for (size_t i = 0; i < kNumParameterClasses; ++i) {
    json["weights"][std::string(NameOf(static_cast<ParameterClass>(i)))] =
        ToJson(inspection.weights.classes[i]);
  }
  json["total"] = ToJson(inspection.weights.Total());
  json["config_parameters"] = inspection.implied_parameters;
  json["kv_cache_bytes"] = KvJson(inspection.config);
  json["tokenizer"] = inspection.tokenizer ? TokenizerJson(*inspection.tokenizer) : Json();
  json["files"] = FilesJson(inspection.checkpoint);
  if (options.has_tensors) json["tensors"] = TensorsJson(inspection.checkpoint);
  return json;
}

std::string ConfigText(const Config& config) {
  std::string text = "Config\n";
  for (const auto& [key, value] : ConfigFields(config)) {
    text += fmt::format("  {:<25}{}\n", key,
                        value.is_string() ? value.get<std::string>() : value.dump());
  }
  return text;
}

std::string LayersText(const std::vector<LayerPlan>& layers) {
  std::string text = fmt::format("Layers\n  {:<9}{:<20}{:<9}{:<6}{}\n", "layers", "attention",
                                 "window", "rope", "feed forward");
  for (size_t first = 0; first < layers.size();) {
    size_t end = first + 1;
    while (end < layers.size() && Equal(layers[first], layers[end])) ++end;
    const LayerPlan& layer = layers[first];
    const std::string range =
        end - first == 1 ? fmt::format("{}", first) : fmt::format("{}-{}", first, end - 1);
    text += fmt::format("  {:<9}{:<20}{:<9}{:<6}{}\n", range, NameOf(layer.attention),
                        layer.window ? fmt::format("{}", *layer.window) : "-",
                        layer.uses_rope ? "yes" : "no", NameOf(layer.feed_forward));
    first = end;
  }
  return text;
}

std::string WeightRow(std::string_view name, const WeightCount& count) {
  return fmt::format("  {:<16}{:>19}{:>12}{:>19}{:>12}\n", name, DigitGroups(count.parameters),
                     ByteText(count.bytes), DigitGroups(count.active_parameters),
                     ByteText(count.active_bytes));
}

std::string WeightsText(const Inspection& inspection) {
  std::string text = fmt::format("Weights\n  {:<16}{:>19}{:>12}{:>19}{:>12}\n", "class",
                                 "parameters", "bytes", "active per token", "bytes");
  for (size_t i = 0; i < kNumParameterClasses; ++i) {
    text += WeightRow(NameOf(static_cast<ParameterClass>(i)), inspection.weights.classes[i]);
  }
  const WeightCount total = inspection.weights.Total();
  text += WeightRow("total", total);
  text += fmt::format("  a token reads {} bytes of weights\n", DigitGroups(total.active_bytes));
  if (total.parameters != inspection.implied_parameters) {
    text += fmt::format("  the config implies {} parameters: it does not fit these files\n",
                        DigitGroups(inspection.implied_parameters));
  }
  return text;
}

std::string KvText(const Config& config) {
  std::string text = fmt::format("KV cache of one sequence\n  {:>10}", "tokens");
  for (const DType dtype : KvDTypes(config)) text += fmt::format("{:>20}", NameOf(dtype));
  text += "\n";
  for (const int64_t context : ContextsToShow(config)) {
    text += fmt::format("  {:>10}", DigitGroups(context));
    for (const DType dtype : KvDTypes(config)) {
      text += fmt::format("{:>20}", DigitGroups(PlanKv(config, dtype, context).total()));
    }
    text += "\n";
  }
  return text;
}

std::string TokenizerText(const std::optional<TokenizerFacts>& facts) {
  if (!facts) return "Tokenizer\n  none\n";
  const Tokenizer& tokenizer = facts->tokenizer;
  std::string text = fmt::format(
      "Tokenizer\n  {} tokens, {} merges\n  steps:", DigitGroups(tokenizer.num_tokens()),
      DigitGroups(tokenizer.num_merges()));
  for (const std::string& step : tokenizer.pre_tokenizer_steps()) text += " " + step;
  const std::string absent = "-";
  text += fmt::format("\n  bos_token {}, eos_token {}, eos ids",
                      Printable(facts->config.bos_token.value_or(absent)),
                      Printable(facts->config.eos_token.value_or(absent)));
  for (const int32_t id : facts->generation_config.eos_token_ids) text += fmt::format(" {}", id);
  text += fmt::format("\n  chat template: {}\n  added tokens:",
                      facts->config.chat_templates.empty() ? "none" : "yes");
  for (const AddedToken& token : tokenizer.added_tokens()) {
    text += fmt::format(" {} {}{}", token.id, Printable(token.content),
                        token.special ? "" : " (not special)");
    if (token.id != tokenizer.added_tokens().back().id) text += ",";
  }
  return text + "\n";
}

std::string FilesText(const Checkpoint& checkpoint) {
  std::string text = "Files\n";
  for (const File& file : checkpoint.files()) {
    text += fmt::format("  {}  {}\n", Printable(file.path(), 1000), ByteText(file.size_bytes()));
  }
  return text;
}

std::string TensorsText(const Checkpoint& checkpoint) {
  std::string text = "Tensors\n";
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    text += fmt::format("  {:<60} {:<5} {}\n", Printable(tensor.name, 1000), NameOf(tensor.dtype),
                        ShapeText(tensor.shape));
  }
  return text;
}

std::string ToText(const Inspection& inspection, const InspectOptions& options) {
  std::string text = fmt::format("{}\n", Printable(inspection.checkpoint.path(), 1000));
  text += ConfigText(inspection.config) + LayersText(inspection.layers) + WeightsText(inspection);
  text += KvText(inspection.config) + TokenizerText(inspection.tokenizer);
  text += FilesText(inspection.checkpoint);
  if (options.has_tensors) text += TensorsText(inspection.checkpoint);
  return text;
}

}  // namespace

int InspectCommand(CommandArguments arguments) {
  InspectOptions options;
  if (ParseOptions(arguments, options) == ParseOutcome::kHelpShown) return 0;
  const Inspection inspection = Inspect(FindModelPath(OneOf(options.positional, options.model)));
  WriteOutput(options.is_json ? JsonText(ToJson(inspection, options)) + "\n"
                              : ToText(inspection, options));
  return 0;
}

}  // namespace trinity
