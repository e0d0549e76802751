#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/dtype.h"
#include "base/json.h"
#include "base/thread_pool.h"
#include "convert/synth_tensors.h"

namespace trinity {

struct SynthOptions {
  std::string folder;                 // made if absent; must be empty
  std::optional<int64_t> num_layers;  // keep only the first so many; absent: all
  DType dtype = DType::kBF16;         // or F32
  uint64_t seed = 0;
  SynthInit init = SynthInit::kBalanced;
  std::optional<std::string> tokenizer_path;  // a tokenizer.json to copy
  int64_t max_shard_bytes = 5'000'000'000;    // of tensor data, as Hugging Face writes
};

struct SynthSummary {
  int64_t num_tensors = 0;
  int64_t num_parameters = 0;
  int64_t tensor_bytes = 0;
  int64_t num_files = 0;  // of tensors
};

// Called now and then, from the caller's thread, with tensor bytes written and to be written.
using SynthProgress = std::function<void(int64_t done_bytes, int64_t total_bytes)>;

// Writes a checkpoint of random weights of the shape that `config` (as config.json holds it)
// states. Values depend on seed, tensor name and position alone. Memory: a MiB a thread and some
// tables. config.json is written last: a folder without it is not complete; if anything fails, what
// was written is removed. Throws Error where the config or an option is refused, the folder is not
// empty, or its file system has too little free space; StorageError where writing fails.
SynthSummary Synthesize(const Json& config, const SynthOptions& options, ThreadPool& pool,
                        const SynthProgress& progress);

// `config` with only its first `num_layers` layers; of the dense ones so many that one MoE layer is
// left. Throws Error where it has fewer layers.
Json KeepLayers(Json config, int64_t num_layers);

}  // namespace trinity
