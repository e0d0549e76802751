#include "convert/folder_output.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "convert/output_folder.h"
#include "convert/shard_plan.h"
#include "convert/tokenizer_rendering.h"
#include "quant/dequantize.h"
#include "quant/quantize.h"

namespace trinity {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBytesATensor = 512;  // headers and index; far more than they take
constexpr int64_t kTextBytes = int64_t{64} << 20;

std::string_view TorchName(DType dtype) {
  if (dtype == DType::kF16) return "float16";
  return dtype == DType::kBF16 ? "bfloat16" : "float32";
}

Json ConfigJson(const Checkpoint& source, const CheckpointText& text, DType dtype) {
  Json json = {{"architectures", {"AfmoeForCausalLM"}}, {"model_type", "afmoe"}};
  for (const auto& entry : source.config().items()) json[entry.key()] = entry.value();
  json["dtype"] = TorchName(dtype);
  json["hidden_act"] = "silu";
  json["attention_dropout"] = 0.0;
  json["initializer_range"] = 0.02;
  json["rope_scaling"] = nullptr;
  json["use_cache"] = true;
  const std::optional<int32_t> pad = text.generation_config.pad_token_id;
  if (pad) json["pad_token_id"] = *pad;
  return json;
}

template <class T>
void Set(Json& json, const char* key, const std::optional<T>& value) {
  if (value) json[key] = *value;
}

Json GenerationJson(const GenerationConfig& g) {
  Json json = Json::object();
  Set(json, "bos_token_id", g.bos_token_id);
  if (!g.eos_token_ids.empty()) json["eos_token_id"] = g.eos_token_ids;
  Set(json, "pad_token_id", g.pad_token_id);
  if (g.temperature || g.do_sample) json["do_sample"] = g.do_sample.value_or(g.temperature > 0.0);
  if (g.temperature > 0.0) json["temperature"] = *g.temperature;
  Set(json, "top_k", g.top_k);
  Set(json, "top_p", g.top_p);
  Set(json, "min_p", g.min_p);
  Set(json, "typical_p", g.typical_p);
  Set(json, "repetition_penalty", g.repetition_penalty);
  return json;
}

Json TokenizerConfigJson(const TokenizerConfig& c, const Config& config) {
  Json json = Json::object();
  Set(json, "bos_token", c.bos_token);
  Set(json, "eos_token", c.eos_token);
  Set(json, "pad_token", c.pad_token);
  Set(json, "add_bos_token", c.add_bos_token);
  json["clean_up_tokenization_spaces"] = false;
  json["model_max_length"] = config.max_position_embeddings;
  json["tokenizer_class"] = "PreTrainedTokenizerFast";
  if (c.chat_templates.size() > 1) {
    for (const auto& [name, text] : c.chat_templates) {
      json["chat_template"].push_back({{"name", name}, {"template", text}});
    }
  }
  return json;
}

// The files that make a model folder; nothing else is ever removed.
bool IsModelFile(const std::string& name) {
  constexpr std::string_view kNames[] = {"config.json",
                                         "generation_config.json",
                                         "tokenizer.json",
                                         "tokenizer_config.json",
                                         "special_tokens_map.json",
                                         "chat_template.jinja",
                                         "model.safetensors.index.json"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
         (name.starts_with("model") && name.ends_with(".safetensors"));
}

// A folder that takes the place of another one when it is complete.
class Replacement {
 public:
  Replacement(std::string path, Overwriting overwriting) : path_(std::move(path)) {
    std::error_code error;
    const bool is_there = fs::is_directory(path_, error) && !fs::is_empty(path_, error);
    if (!is_there || overwriting == Overwriting::kRefused) return;
    for (const auto& entry : fs::directory_iterator(path_, error)) {
      if (IsModelFile(entry.path().filename().string())) continue;
      Fail("{}: holds {}, which is no file of a model: --force replaces nothing else", path_,
           Printable(entry.path().filename().string()));
    }
    replaced_ = true;
  }

  // Where the new files go.
  std::string path() const {
    return replaced_ ? fmt::format("{}.{}.partial", path_, getpid()) : path_;
  }

  void Finish() const {
    if (!replaced_) return;
    // Without config.json a folder is not complete, so that goes first and comes last.
    fs::remove(path_ + "/config.json");
    for (const auto& entry : fs::directory_iterator(path_)) fs::remove(entry.path());
    for (const auto& entry : fs::directory_iterator(path())) {
      if (entry.path().filename() == "config.json") continue;
      fs::rename(entry.path(), path_ / entry.path().filename());
    }
    fs::rename(path() + "/config.json", path_ + "/config.json");
    fs::remove(path());
  }

 private:
  std::string path_;
  bool replaced_ = false;
};

void WriteTexts(const Checkpoint& source, const CheckpointText& text, DType dtype,
                OutputFolder& folder) {
  const Config config = Config::FromJson(source.config(), source.config_origin());
  if (text.tokenizer) {
    folder.WriteText("tokenizer.json", RenderTokenizerJson(*text.tokenizer).dump(1));
    folder.WriteText("tokenizer_config.json",
                     TokenizerConfigJson(text.tokenizer_config, config).dump(2));
    const auto& templates = text.tokenizer_config.chat_templates;
    if (templates.size() == 1) folder.WriteText("chat_template.jinja", templates[0].second);
  }
  folder.WriteText("generation_config.json", GenerationJson(text.generation_config).dump(2));
  folder.WriteText("config.json", ConfigJson(source, text, dtype).dump(2));
}

}  // namespace

bool HoldsAll(DType dtype, std::span<const float> values) {
  const bool are_finite =
      std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
  if (!are_finite) return false;
  std::vector<std::byte> bytes(
      static_cast<size_t>(BytesOf(dtype, static_cast<int64_t>(values.size()))));
  std::vector<float> rounded(values.size());
  QuantizeRow(dtype, values, {}, bytes.data());
  DequantizeRow(dtype, bytes.data(), static_cast<int64_t>(values.size()), rounded.data());
  return std::equal(values.begin(), values.end(), rounded.begin());
}

int64_t WriteFolder(const Checkpoint& source, const CheckpointText& text,
                    const FolderTensorList& list, const ConvertOptions& options,
                    const Workers& workers) {
  const std::vector<Shard> shards = PlanShards(list.specs, options.max_shard_bytes);
  int64_t output_bytes = 0;
  for (const Shard& shard : shards) output_bytes += shard.num_bytes;

  const Replacement replacement(options.path, options.overwriting);
  OutputFolder folder(replacement.path());
  folder.RequireFreeSpace(output_bytes + kTextBytes +
                          kBytesATensor * static_cast<int64_t>(list.specs.size()));
  size_t first = 0;  // of the shard's tensors
  int64_t bytes_before = 0, source_bytes = 0;
  for (const RewriteJob& job : list.jobs) source_bytes += job.SourceBytes();
  for (const Shard& shard : shards) {
    SafetensorsWriter writer(folder.PathOf(shard.file_name), shard.tensors);
    const auto jobs = std::span(list.jobs).subspan(first, shard.tensors.size());
    RewriteTensors(
        SourceOf(source), jobs,
        [&](size_t index, int64_t offset, std::span<const std::byte> bytes) {
          writer.WriteAt(index, offset, bytes);
        },
        workers.pool,
        [&](int64_t done_bytes, int64_t) {
          if (workers.progress) workers.progress(bytes_before + done_bytes, source_bytes);
        });
    writer.Commit();
    first += shard.tensors.size();
    for (const RewriteJob& job : jobs) bytes_before += job.SourceBytes();
  }
  if (shards.size() > 1) {
    folder.WriteText("model.safetensors.index.json", ShardIndexJson(shards).dump(2));
  }
  WriteTexts(source, text, list.dtype, folder);
  folder.Keep();
  replacement.Finish();
  return static_cast<int64_t>(shards.size());
}

}  // namespace trinity
