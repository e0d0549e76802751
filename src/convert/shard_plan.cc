#include "convert/shard_plan.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace trinity {

std::vector<Shard> PlanShards(std::span<const TensorSpec> tensors, int64_t max_shard_bytes) {
  std::vector<Shard> shards(1);
  for (const TensorSpec& tensor : tensors) {
    const int64_t num_bytes = tensor.num_bytes();
    if (!shards.back().tensors.empty() && shards.back().num_bytes + num_bytes > max_shard_bytes) {
      shards.emplace_back();
    }
    shards.back().tensors.push_back(tensor);
    shards.back().num_bytes += num_bytes;
  }
  for (size_t i = 0; i < shards.size(); ++i) {
    shards[i].file_name =
        shards.size() == 1 ? "model.safetensors"
                           : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
  }
  return shards;
}

Json ShardIndexJson(std::span<const Shard> shards) {
  int64_t total_size = 0;
  std::map<std::string_view, std::string_view> file_of;
  for (const Shard& shard : shards) {
    total_size += shard.num_bytes;
    for (const TensorSpec& tensor : shard.tensors) file_of[tensor.name] = shard.file_name;
  }
  // By the object's own vector: operator[] of an ordered object searches it from the start.
  Json::object_t weight_map;
  weight_map.reserve(file_of.size());
  for (const auto& entry : file_of) {
    weight_map.std::vector<std::pair<const std::string, Json>>::emplace_back(entry.first,
                                                                             entry.second);
  }
  Json index;
  index["metadata"]["total_size"] = total_size;
  index["weight_map"] = std::move(weight_map);
  return index;
}

}  // namespace trinity
