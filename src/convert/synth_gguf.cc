#include "convert/synth_gguf.h"

#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "convert/model_metadata.h"
#include "convert/model_tensors.h"
#include "convert/synth_text.h"
#include "convert/synth_values.h"

namespace trinity {
namespace {

constexpr int64_t kMiB = int64_t{1} << 20;

// The tensors of a folder that Synthesize would write, read without being written.
class RandomSource {
 public:
  RandomSource(const Config& config, const Json& json, const SynthGgufOptions& options)
      : tensors_(ListSynthTensors(config, DTypeOf(options.type), options.init,
                                  InitializerRangeOf(json))),
        values_(tensors_, options.seed) {
    infos_.reserve(tensors_.size());
    for (const SynthTensor& tensor : tensors_) {
      const TensorSpec& spec = tensor.spec;
      infos_.push_back({spec.name, spec.dtype, spec.shape, 0, 0, spec.num_bytes()});
      index_[spec.name] = infos_.size() - 1;
    }
  }
  RandomSource(const RandomSource&) = delete;
  RandomSource& operator=(const RandomSource&) = delete;

  // The tensor of this shape, with rows of this source.
  ModelTensor Find(const ModelShape& shape) const {
    ModelTensor tensor = WithoutSource(shape);
    const int64_t num_rows = tensor.is_matrix() ? shape.shape[shape.shape.size() - 2] : 1;
    if (!tensor.are_experts()) {
      tensor.rows.push_back({&InfoAt(shape.name), 0, num_rows});
      return tensor;
    }
    for (size_t e = 0; e < static_cast<size_t>(shape.shape[0]); ++e) {
      tensor.rows.push_back({&InfoAt(NameOfExpert(shape.name, e)), 0, num_rows});
    }
    return tensor;
  }

  TensorSource source() const {
    return {"random weights",
            [this](const TensorInfo& tensor, int64_t byte_offset, std::span<std::byte> bytes) {
              values_.Fill(tensors_[index_.at(tensor.name)], byte_offset, bytes);
            }};
  }

 private:
  // Released checkpoints are BF16; no other type than F32 holds more.
  static DType DTypeOf(WeightType type) {
    return type == WeightType(DType::kF32) ? DType::kF32 : DType::kBF16;
  }

  const TensorInfo& InfoAt(const std::string& name) const { return infos_[index_.at(name)]; }

  std::vector<SynthTensor> tensors_;
  SynthValues values_;
  std::vector<TensorInfo> infos_;                       // of tensors_
  std::unordered_map<std::string_view, size_t> index_;  // into tensors_, by name
};

Json ShortenedConfig(const Json& config, std::optional<int64_t> num_layers) {
  return num_layers ? KeepLayers(config, *num_layers) : config;
}

CheckpointText TextFor(const Config& config, const std::optional<std::string>& tokenizer_path) {
  CheckpointText text;
  text.name = "random weights";
  text.generation_config = SynthGenerationConfig(config);
  if (tokenizer_path) {
    text.tokenizer.emplace(Tokenizer::Load(*tokenizer_path));
    text.tokenizer_config = SynthTokenizerConfig();
  }
  return text;
}

}  // namespace

SynthSummary SynthesizeGguf(const Json& config_json, const SynthGgufOptions& options,
                            ThreadPool& pool, const SynthProgress& progress) {
  const Json json = ShortenedConfig(config_json, options.num_layers);
  const Config config = Config::FromJson(json, "config");
  const RandomSource random(config, json, options);
  GgufOutput output;
  output.path = options.path;
  output.overwriting = options.overwriting;
  AddModelMetadata(config, TextFor(config, options.tokenizer_path), output.metadata);
  AddFileType(FileTypeOf(options.type), output.metadata);
  SynthSummary summary;
  for (const ModelShape& shape : ListModelShapes(config)) {
    const ModelTensor tensor = random.Find(shape);
    output.Add(tensor, DTypeIn(options.type, tensor, config));
    summary.num_parameters += tensor.num_values();
    summary.tensor_bytes += output.specs.back().num_bytes();
  }
  summary.num_tensors = static_cast<int64_t>(output.specs.size());
  summary.num_files = 1;
  WriteGguf(random.source(), output, pool, progress);
  return summary;
}

int64_t SynthGgufMemory(const Json& config_json, const SynthGgufOptions& options, int num_threads) {
  const Config config =
      Config::FromJson(ShortenedConfig(config_json, options.num_layers), "config");
  constexpr int64_t kTables = 16 * kMiB, kBytesAThread = 8 * kMiB;
  constexpr int64_t kBytesATensor = 1024, kBytesAUnit = 128;  // a unit is 1 MiB of the source
  int64_t num_tensors = 0, source_bytes = 0;
  for (const ModelShape& shape : ListModelShapes(config)) {
    const ModelTensor tensor = WithoutSource(shape);
    num_tensors += tensor.are_experts() ? shape.shape[0] : 1;
    source_bytes += BytesOf(DType::kF32, tensor.num_values());
  }
  return kTables + num_threads * kBytesAThread + num_tensors * kBytesATensor +
         (source_bytes / kMiB + num_tensors) * kBytesAUnit;
}

}  // namespace trinity
