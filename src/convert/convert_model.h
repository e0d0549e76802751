#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "convert/checkpoint_text.h"
#include "convert/gguf_output.h"
#include "model/rank_slice.h"

namespace trinity {

struct ConvertOptions {
  std::string path;            // to be written
  std::optional<DType> dtype;  // of matrices: F32, F16 or BF16; absent: as they are
  Overwriting overwriting = Overwriting::kRefused;
  RankGrid ranks;                           // of GGUF files: one for each
  int64_t max_shard_bytes = 5'000'000'000;  // of tensor data, as Hugging Face writes
};

struct ConvertSummary {
  int64_t num_tensors = 0;
  int64_t tensor_bytes = 0;
  int64_t num_files = 0;           // of tensors
  std::vector<std::string> notes;  // what people should know
};

// Writes a GGUF file that llama.cpp loads, or one for each of several ranks, which it does not.
// `checkpoint` has the names and the config of Hugging Face. Norms, biases and router are written
// in F32. Memory: some MiB a thread. Throws Error, StorageError; then no file appears.
ConvertSummary ConvertToGguf(const Checkpoint& checkpoint, const CheckpointText& text,
                             const ConvertOptions& options, ThreadPool& pool,
                             const RewriteProgress& progress);

// Writes a folder that transformers loads: experts one by one, shards, tokenizer and configs.
// Block formats become BF16 where no dtype is asked for. Norms and router take the dtype of the
// matrices where that loses nothing. What was written is removed if anything fails.
ConvertSummary ConvertToFolder(const Checkpoint& checkpoint, const CheckpointText& text,
                               const ConvertOptions& options, ThreadPool& pool,
                               const RewriteProgress& progress);

// The dtype of most values of the matrices.
DType MainDType(const std::vector<ModelTensor>& tensors);

}  // namespace trinity
