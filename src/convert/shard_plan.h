#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/safetensors_writer.h"

namespace trinity {

// One file of a checkpoint that is to be written.
struct Shard {
  std::string file_name;
  std::vector<TensorSpec> tensors;
  int64_t num_bytes = 0;  // of the tensors' data
};

// Distributes tensors over files as Hugging Face does: in order, a new file where the next tensor
// would make the last one larger than max_shard_bytes (a larger tensor has a file of its own).
// Names: model.safetensors where one file suffices, else model-00001-of-0000N.safetensors.
std::vector<Shard> PlanShards(std::span<const TensorSpec> tensors, int64_t max_shard_bytes);

// The contents of model.safetensors.index.json for these files.
Json ShardIndexJson(std::span<const Shard> shards);

}  // namespace trinity
