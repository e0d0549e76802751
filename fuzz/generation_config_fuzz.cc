// generation_config.json, and the same advice in the metadata of a GGUF file, as JSON.

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"
#include "fuzz/scratch_file.h"
#include "tokenizer/generation_config.h"

namespace trinity {
namespace {

void CheckConfig(const GenerationConfig& config) {
  for (const int32_t id : config.eos_token_ids) TRINITY_CHECK(id >= 0);
  TRINITY_CHECK(config.bos_token_id.value_or(0) >= 0 && config.pad_token_id.value_or(0) >= 0);
  TRINITY_CHECK(std::isfinite(config.temperature.value_or(0)));
  TRINITY_CHECK(config.temperature.value_or(0) >= 0 && config.top_k.value_or(0) >= 0);
  for (const auto& share : {config.top_p, config.typical_p}) {
    TRINITY_CHECK(share.value_or(1) > 0 && share.value_or(1) <= 1);
  }
  TRINITY_CHECK(config.min_p.value_or(0) >= 0 && config.min_p.value_or(0) <= 1);
  TRINITY_CHECK(config.repetition_penalty.value_or(1) > 0);
  TRINITY_CHECK(config.max_new_tokens.value_or(1) > 0);
}

void CheckInput(std::string_view content) {
  WriteScratch("generation_config.json", content);
  Accepts([&] { CheckConfig(GenerationConfig::Load(ScratchFolder())); });
  Accepts([&] {
    const Json metadata = ParseJson(content, "metadata");
    if (metadata.is_object()) CheckConfig(GenerationConfig::FromGguf(metadata, "model.gguf"));
  });
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  trinity::CheckInput(trinity::InputText(data, size));
  return 0;
}
