#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace trinity {

// generation_config.json, or what a GGUF file has in its place: which ids end a text, and the
// sampling that the authors advise.
struct GenerationConfig {
  std::string source = "generation_config.json";  // for people
  std::vector<int32_t> eos_token_ids;
  std::optional<int32_t> bos_token_id;
  std::optional<int32_t> pad_token_id;
  std::optional<bool> do_sample;
  std::optional<double> temperature;         // >= 0
  std::optional<int64_t> top_k;              // >= 0; 0: all
  std::optional<double> top_p;               // (0, 1]
  std::optional<double> min_p;               // [0, 1]
  std::optional<double> typical_p;           // (0, 1]
  std::optional<double> repetition_penalty;  // > 0
  std::optional<int64_t> max_new_tokens;     // > 0

  // A folder without the file gives an empty config. Values of the wrong kind or out of range are
  // refused by file, key and value.
  static GenerationConfig Load(const std::string& folder);

  // The same from the metadata of a GGUF file: eos, eot and eom end a text, general.sampling.* are
  // advice.
  static GenerationConfig FromGguf(const Json& metadata, const std::string& origin);
};

}  // namespace trinity
