#pragma once

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors_writer.h"
#include "tests/support/paths.h"
#include "tests/support/tensor_bytes.h"

namespace trinity {

// A model with trained weights that is quick to quantize: the first two layers of Pico, one dense
// and one with experts, and its first 256 tokens. Fills `folder`; without a tokenizer.
inline void WriteSmallModel(const std::string& folder) {
  constexpr int64_t kTokens = 256;
  const Checkpoint pico = Checkpoint::Open(PicoFolder());
  std::vector<TensorSpec> specs;
  for (const TensorInfo& tensor : pico.tensors()) {
    const bool is_later_layer = tensor.name.starts_with("model.layers.") && tensor.name[13] > '1';
    if (is_later_layer) continue;
    TensorSpec spec{tensor.name, tensor.dtype, tensor.shape};
    if (spec.shape[0] == 4096) spec.shape[0] = kTokens;
    specs.push_back(spec);
  }
  std::filesystem::create_directories(folder);
  SafetensorsWriter writer(folder + "/model.safetensors", specs);
  for (size_t i = 0; i < specs.size(); ++i) {
    std::vector<std::byte> bytes = BytesOfTensor(pico, *pico.Find(specs[i].name));
    bytes.resize(static_cast<size_t>(specs[i].num_bytes()));
    writer.WriteAt(i, 0, bytes);
  }
  writer.Commit();
  Json config = pico.config();
  config["num_hidden_layers"] = 2;
  config["layer_types"] = {"sliding_attention", "sliding_attention"};
  config["vocab_size"] = kTokens;
  std::ofstream(folder + "/config.json") << config.dump();
}

}  // namespace trinity
