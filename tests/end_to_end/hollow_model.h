#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/json.h"
#include "convert/model_tensors.h"
#include "model/config.h"
#include "tests/support/paths.h"

namespace trinity {

// A model of any size that takes no space: its file is a hole behind the header, BF16 zeros, with
// the experts of a layer in one tensor. `changes`: of a config.json with one dense layer.
inline void WriteHollowModel(const TemporaryFolder& folder, const Json& changes) {
  Json config = {{"model_type", "afmoe"},
                 {"hidden_size", 256},
                 {"num_hidden_layers", 1},
                 {"num_dense_layers", 1},
                 {"num_attention_heads", 2},
                 {"num_key_value_heads", 1},
                 {"head_dim", 64},
                 {"intermediate_size", 64},
                 {"moe_intermediate_size", 32},
                 {"num_experts", 4},
                 {"num_experts_per_tok", 2},
                 {"num_shared_experts", 0},
                 {"vocab_size", 64},
                 {"max_position_embeddings", 4096},
                 {"rope_theta", 10000.0},
                 {"rms_norm_eps", 1e-5},
                 {"sliding_window", 128},
                 {"layer_types", {"full_attention"}},
                 {"score_func", "sigmoid"},
                 {"route_norm", true},
                 {"route_scale", 1.0},
                 {"mup_enabled", true},
                 {"tie_word_embeddings", false}};
  config.update(changes);
  std::ofstream(folder / "config.json") << config.dump();
  Json header;
  int64_t offset = 0;
  for (const ModelShape& tensor : ListModelShapes(Config::FromJson(config, "config.json"))) {
    int64_t num_bytes = 2;
    for (const int64_t size : tensor.shape) num_bytes *= size;
    header[tensor.name] = {
        {"dtype", "BF16"}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + num_bytes}}};
    offset += num_bytes;
  }
  const std::string text = header.dump();
  const auto length = static_cast<uint64_t>(text.size());
  const std::string path = folder / "model.safetensors";
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(&length), 8) << text;
  std::filesystem::resize_file(path, 8 + length + static_cast<uint64_t>(offset));
}

}  // namespace trinity
