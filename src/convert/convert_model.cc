#include "convert/convert_model.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "convert/folder_output.h"
#include "convert/rank_files.h"

namespace trinity {
namespace {

// The dtype that holds all rows of a tensor as they are, if they have one.
std::optional<DType> CommonDType(const ModelTensor& tensor) {
  const DType dtype = tensor.rows.front().tensor->dtype;
  const bool is_common =
      std::all_of(tensor.rows.begin(), tensor.rows.end(),
                  [&](const SourceRows& rows) { return rows.tensor->dtype == dtype; });
  return is_common ? std::optional(dtype) : std::nullopt;
}

// The model as a folder has it.
class FolderTensors {
 public:
  FolderTensors(const Checkpoint& checkpoint, std::optional<DType> dtype)
      : checkpoint_(checkpoint), dtype_(dtype) {}

  FolderTensorList List(const std::vector<ModelTensor>& tensors) {
    const DType main = MainDType(tensors);
    main_dtype_ = dtype_.value_or(IsBlockFormat(main) ? DType::kBF16 : main);
    for (const ModelTensor& tensor : tensors) {
      if (!tensor.are_experts()) {
        Add(tensor.name, tensor, {tensor.rows.begin(), tensor.rows.end()});
        continue;
      }
      for (size_t e = 0; e < tensor.rows.size(); ++e) {
        Add(NameOfExpert(tensor.name, e), tensor, {tensor.rows[e]});
      }
    }
    list_.dtype = main_dtype_;
    return std::move(list_);
  }

 private:
  void Add(const std::string& name, const ModelTensor& tensor, std::vector<SourceRows> rows) {
    std::vector<int64_t> shape = tensor.shape;
    if (tensor.are_experts()) shape.erase(shape.begin());
    const DType dtype = DTypeOf(tensor, rows.front());
    list_.specs.push_back({name, dtype, std::move(shape)});
    list_.jobs.push_back({dtype, tensor.cols(), std::move(rows), {}});
  }

  DType DTypeOf(const ModelTensor& tensor, const SourceRows& rows) const {
    const DType own = rows.tensor->dtype;
    if (!IsAlwaysF32(tensor)) {
      if (dtype_) return *dtype_;
      return IsBlockFormat(own) ? DType::kBF16 : own;
    }
    // transformers holds the bias in F32 whatever the rest has.
    const bool is_bias = tensor.name.ends_with("expert_bias");
    if (own != DType::kF32 || is_bias || main_dtype_ == DType::kF32) {
      return is_bias ? DType::kF32 : own;
    }
    return Holds(main_dtype_, *rows.tensor) ? main_dtype_ : own;
  }

  // Whether `dtype` holds all values of an F32 tensor.
  bool Holds(DType dtype, const TensorInfo& tensor) const {
    std::vector<float> values(static_cast<size_t>(tensor.num_values()));
    checkpoint_.ReadAt(tensor, 0, std::as_writable_bytes(std::span(values)));
    return HoldsAll(dtype, values);
  }

  const Checkpoint& checkpoint_;
  std::optional<DType> dtype_;
  DType main_dtype_ = DType::kF32;
  FolderTensorList list_;
};

int64_t SumOfBytes(const std::vector<TensorSpec>& specs) {
  int64_t num_bytes = 0;
  for (const TensorSpec& spec : specs) num_bytes += spec.num_bytes();
  return num_bytes;
}

std::vector<std::string> NotesOnBlocks(const std::vector<ModelTensor>& tensors,
                                       const ConvertOptions& options) {
  const bool has_blocks = std::any_of(tensors.begin(), tensors.end(), [](const ModelTensor& t) {
    return IsBlockFormat(t.rows.front().tensor->dtype);
  });
  if (!has_blocks || options.dtype) return {};
  return {"matrices in block formats become BF16, rounded (--type f32 holds them exactly)"};
}

// llama.cpp derives from the layer's number which layers have RoPE, and always scales embeddings.
std::vector<std::string> NotesOnLlamaCpp(const Config& config) {
  std::vector<std::string> notes;
  bool is_usual = true;
  for (size_t i = 0; i < config.layer_types.size(); ++i) {
    is_usual = is_usual && (config.layer_types[i] == AttentionKind::kFull) == ((i + 1) % 4 == 0);
  }
  if (!is_usual) {
    notes.emplace_back(
        "llama.cpp computes this model with RoPE on all but every fourth layer, whatever the file "
        "says: its logits will differ");
  }
  if (!config.mup_enabled) {
    notes.emplace_back(
        "llama.cpp computes this model as if mup_enabled were true: its logits will differ");
  }
  return notes;
}

}  // namespace

DType MainDType(const std::vector<ModelTensor>& tensors) {
  std::map<DType, int64_t> num_values;
  for (const ModelTensor& tensor : tensors) {
    if (IsAlwaysF32(tensor)) continue;
    for (const SourceRows& rows : tensor.rows) {
      num_values[rows.tensor->dtype] += rows.num_rows * tensor.cols();
    }
  }
  const auto most = std::max_element(num_values.begin(), num_values.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  return most == num_values.end() ? DType::kF32 : most->first;
}

ConvertSummary ConvertToGguf(const Checkpoint& checkpoint, const CheckpointText& text,
                             const ConvertOptions& options, ThreadPool& pool,
                             const RewriteProgress& progress) {
  const Config config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
  const std::vector<ModelTensor> tensors = ListModelTensors(config, checkpoint);
  GgufOutput output;
  output.path = options.path;
  output.overwriting = options.overwriting;
  output.metadata =
      MetadataFor(checkpoint, config, text, FileTypeOf(options.dtype.value_or(MainDType(tensors))));
  for (const ModelTensor& tensor : tensors) {
    // Experts of several dtypes: F32 holds them all.
    const DType kept = CommonDType(tensor).value_or(DType::kF32);
    output.Add(tensor, IsAlwaysF32(tensor) ? DType::kF32 : options.dtype.value_or(kept));
  }
  ConvertSummary summary{static_cast<int64_t>(output.specs.size()), SumOfBytes(output.specs), 1,
                         NotesOnLlamaCpp(config)};
  if (options.ranks.num_ranks == 1) {
    WriteGguf(SourceOf(checkpoint), output, pool, progress);
  } else {
    summary.tensor_bytes =
        WriteRankFiles(SourceOf(checkpoint), output, {config, options.ranks}, {pool, progress});
    summary.num_files = options.ranks.num_ranks;
    summary.notes = {"the files of ranks are for this program; llama.cpp does not read them"};
  }
  if (!text.tokenizer) {
    summary.notes.emplace_back("there is no tokenizer, so none was written: llama.cpp needs one");
  }
  return summary;
}

ConvertSummary ConvertToFolder(const Checkpoint& checkpoint, const CheckpointText& text,
                               const ConvertOptions& options, ThreadPool& pool,
                               const RewriteProgress& progress) {
  const Config config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
  const std::vector<ModelTensor> tensors = ListModelTensors(config, checkpoint);
  const FolderTensorList list = FolderTensors(checkpoint, options.dtype).List(tensors);
  const int64_t num_files = WriteFolder(checkpoint, text, list, options, {pool, progress});
  return {static_cast<int64_t>(list.specs.size()), SumOfBytes(list.specs), num_files,
          NotesOnBlocks(tensors, options)};
}

}  // namespace trinity
