#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "checkpoint/checkpoint.h"

namespace trinity {

// What the metadata of a GGUF file says, in the words of config.json.
struct GgufConfig {
  std::shared_ptr<const Json> config;  // accepted by Config::FromJson
  // What GGUF does not carry or this file lacks and what is taken instead, for the log.
  std::vector<std::string> assumptions;
};

// Keys that only this program writes: what the model needs and GGUF has no word for.
inline constexpr std::string_view kMupEnabled = "trinity.mup_enabled";

// Translates the metadata of architecture "afmoe". `tensors` carry the names of the file: which
// layers are dense and whether the head is tied is seen from them. Refuses, with `origin` (the
// file) and key, what is missing without a safe default, of another kind, contradictory, or changes
// the model in a way that is not implemented.
GgufConfig ReadGgufConfig(const Json& metadata, std::span<const TensorInfo> tensors,
                          std::string_view origin);

// Gives a checkpoint that was opened from GGUF the tensor names and the config of Hugging Face, and
// returns the assumptions. Leaves other checkpoints as they are. Tensors that the architecture does
// not have keep their names.
std::vector<std::string> TranslateGguf(Checkpoint& checkpoint);

}  // namespace trinity
