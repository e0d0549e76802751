#include "convert/synth.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "convert/output_folder.h"
#include "convert/shard_plan.h"
#include "convert/synth_text.h"
#include "convert/synth_values.h"

namespace trinity {
namespace {

constexpr int64_t kUnitBytes = 1 << 20;  // one item of parallel work; a multiple of any block
// config.json, index, headers; far more than they take.
constexpr int64_t kBytesATensor = 512;
constexpr int64_t kOtherBytes = 1 << 20;

struct Unit {
  size_t tensor_index;  // within the shard
  int64_t byte_offset;
  int64_t num_bytes;
};

std::vector<Unit> UnitsOf(const Shard& shard) {
  std::vector<Unit> units;
  for (size_t i = 0; i < shard.tensors.size(); ++i) {
    const int64_t num_bytes = shard.tensors[i].num_bytes();
    for (int64_t at = 0; at < num_bytes; at += kUnitBytes) {
      units.push_back({i, at, std::min(kUnitBytes, num_bytes - at)});
    }
  }
  return units;
}

// Writes the shards, whose tensors in order are `tensors`.
class ShardWriting {
 public:
  ShardWriting(std::span<const SynthTensor> tensors, uint64_t seed, ThreadPool& pool,
               const SynthProgress& progress)
      : tensors_(tensors),
        values_(tensors, seed),
        pool_(pool),
        progress_(progress),
        buffers_(static_cast<size_t>(pool.num_threads()), std::vector<std::byte>(kUnitBytes)) {
    for (const SynthTensor& tensor : tensors) total_bytes_ += tensor.spec.num_bytes();
  }

  void Write(const Shard& shard, const std::string& path) {
    SafetensorsWriter writer(path, shard.tensors);
    const std::vector<Unit> units = UnitsOf(shard);
    const auto shard_tensors = tensors_.subspan(num_tensors_done_, shard.tensors.size());
    pool_.ParallelFor(static_cast<int64_t>(units.size()), [&](int64_t index, int thread) {
      const Unit& unit = units[static_cast<size_t>(index)];
      const auto bytes = std::span(buffers_[static_cast<size_t>(thread)])
                             .first(static_cast<size_t>(unit.num_bytes));
      values_.Fill(shard_tensors[unit.tensor_index], unit.byte_offset, bytes);
      writer.WriteAt(unit.tensor_index, unit.byte_offset, bytes);
      done_bytes_ += unit.num_bytes;
      if (thread == 0 && progress_) progress_(done_bytes_, total_bytes_);
    });
    writer.Commit();
    num_tensors_done_ += shard.tensors.size();
    if (progress_) progress_(done_bytes_, total_bytes_);
  }

  int64_t total_bytes() const { return total_bytes_; }

 private:
  std::span<const SynthTensor> tensors_;
  SynthValues values_;
  ThreadPool& pool_;
  const SynthProgress& progress_;
  std::vector<std::vector<std::byte>> buffers_;  // [num_threads][kUnitBytes]
  size_t num_tensors_done_ = 0;
  std::atomic<int64_t> done_bytes_{0};
  int64_t total_bytes_ = 0;
};

Json GenerationConfigJson(const Config& config) {
  const GenerationConfig generation = SynthGenerationConfig(config);
  Json json = Json::object();
  if (generation.bos_token_id) json["bos_token_id"] = *generation.bos_token_id;
  if (!generation.eos_token_ids.empty()) json["eos_token_id"] = generation.eos_token_ids;
  if (generation.pad_token_id) json["pad_token_id"] = *generation.pad_token_id;
  return json;
}

Json TokenizerConfigJson(const Config& config) {
  const TokenizerConfig tokenizer = SynthTokenizerConfig();
  return {{"add_bos_token", *tokenizer.add_bos_token},
          {"bos_token", *tokenizer.bos_token},
          {"clean_up_tokenization_spaces", false},
          {"eos_token", *tokenizer.eos_token},
          {"model_max_length", config.max_position_embeddings},
          {"pad_token", *tokenizer.pad_token},
          {"tokenizer_class", "PreTrainedTokenizerFast"}};
}

}  // namespace

Json KeepLayers(Json config, int64_t num_layers) {
  const Config all = Config::FromJson(config, "config");
  if (num_layers < 1 || num_layers > all.num_hidden_layers) {
    Fail("layers: expected 1 to {}, found {}", all.num_hidden_layers, num_layers);
  }
  config["num_hidden_layers"] = num_layers;
  if (num_layers < all.num_hidden_layers) {
    config["num_dense_layers"] = std::min(all.num_dense_layers, num_layers - 1);
  }
  Json types = Json::array();
  for (int64_t i = 0; i < num_layers; ++i) {
    types.push_back(NameOf(all.layer_types[static_cast<size_t>(i)]));
  }
  config["layer_types"] = std::move(types);
  return config;
}

SynthSummary Synthesize(const Json& config_json, const SynthOptions& options, ThreadPool& pool,
                        const SynthProgress& progress) {
  if (options.dtype != DType::kBF16 && options.dtype != DType::kF32) {
    Fail("dtype: expected BF16 or F32, found {}", NameOf(options.dtype));
  }
  Json json = options.num_layers ? KeepLayers(config_json, *options.num_layers) : config_json;
  json["dtype"] = options.dtype == DType::kBF16 ? "bfloat16" : "float32";
  const Config config = Config::FromJson(json, "config");
  std::optional<std::string> tokenizer;
  if (options.tokenizer_path) tokenizer = ReadTextFile(*options.tokenizer_path);

  const std::vector<SynthTensor> tensors =
      ListSynthTensors(config, options.dtype, options.init, InitializerRangeOf(json));
  std::vector<TensorSpec> specs;
  specs.reserve(tensors.size());
  for (const SynthTensor& tensor : tensors) specs.push_back(tensor.spec);
  const std::vector<Shard> shards = PlanShards(specs, options.max_shard_bytes);

  ShardWriting writing(tensors, options.seed, pool, progress);
  OutputFolder folder(options.folder);
  folder.RequireFreeSpace(writing.total_bytes() + kOtherBytes +
                          kBytesATensor * static_cast<int64_t>(tensors.size()) +
                          static_cast<int64_t>(tokenizer ? tokenizer->size() : 0));
  for (const Shard& shard : shards) writing.Write(shard, folder.PathOf(shard.file_name));
  if (tokenizer) {
    folder.WriteText("tokenizer.json", *tokenizer);
    folder.WriteText("tokenizer_config.json", TokenizerConfigJson(config).dump(2));
  }
  folder.WriteText("generation_config.json", GenerationConfigJson(config).dump(2));
  if (shards.size() > 1) {
    folder.WriteText("model.safetensors.index.json", ShardIndexJson(shards).dump(2));
  }
  folder.WriteText("config.json", json.dump(2));
  folder.Keep();

  SynthSummary summary;
  summary.num_tensors = static_cast<int64_t>(tensors.size());
  for (const TensorSpec& spec : specs) {
    summary.num_parameters += spec.num_bytes() / InfoOf(spec.dtype).block_bytes;
  }
  summary.tensor_bytes = writing.total_bytes();
  summary.num_files = static_cast<int64_t>(shards.size());
  return summary;
}

}  // namespace trinity
