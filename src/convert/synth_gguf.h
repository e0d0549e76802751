#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "base/thread_pool.h"
#include "convert/gguf_output.h"
#include "convert/synth.h"
#include "convert/weight_type.h"

namespace trinity {

struct SynthGgufOptions {
  std::string path;
  Overwriting overwriting = Overwriting::kRefused;
  WeightType type = DType::kBF16;
  std::optional<int64_t> num_layers;  // keep only the first so many; absent: all
  uint64_t seed = 0;
  SynthInit init = SynthInit::kBalanced;
  std::optional<std::string> tokenizer_path;  // a tokenizer.json to write into the file
};

// Writes a GGUF file of random weights of the shape that `config` (as config.json holds it) states:
// tensor by tensor what quantizing the folder of Synthesize, in BF16 (F32 where the type is F32),
// would give, without that folder. Memory: SynthGgufMemory. The file appears when it is complete.
// Throws Error where the config or an option is refused, the file is there already, or its file
// system has too little free space; StorageError where writing fails.
SynthSummary SynthesizeGguf(const Json& config, const SynthGgufOptions& options, ThreadPool& pool,
                            const SynthProgress& progress);

// Bytes of memory that SynthesizeGguf takes at most beside a tokenizer.
int64_t SynthGgufMemory(const Json& config, const SynthGgufOptions& options, int num_threads);

}  // namespace trinity
