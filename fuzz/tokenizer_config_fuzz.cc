// What lies beside tokenizer.json: tokenizer_config.json, special_tokens_map.json,
// chat_template.jinja and one of additional_chat_templates, in this order. The first is also taken
// for the metadata of a GGUF file.

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/utf8.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"
#include "fuzz/scratch_file.h"
#include "tokenizer/tokenizer_config.h"

namespace trinity {
namespace {

void CheckConfig(const TokenizerConfig& config) {
  for (size_t i = 0; i < config.chat_templates.size(); ++i) {
    const auto& [name, text] = config.chat_templates[i];
    TRINITY_CHECK(IsUtf8(name) && IsUtf8(text));
    TRINITY_CHECK(i == 0 || name != "default");
  }
  for (const auto& token : {config.bos_token, config.eos_token, config.pad_token}) {
    TRINITY_CHECK(!token || IsUtf8(*token));
  }
}

void CheckInput(const std::vector<std::string_view>& parts) {
  std::filesystem::create_directory(ScratchFolder() + "/additional_chat_templates");
  WriteScratch("tokenizer_config.json", parts[0]);
  WriteScratch("special_tokens_map.json", parts[1]);
  WriteScratch("chat_template.jinja", parts[2]);
  WriteScratch("additional_chat_templates/tool_use.jinja", parts[3]);
  Accepts([&] { CheckConfig(TokenizerConfig::Load(ScratchFolder())); });
  Accepts([&] {
    const Json metadata = ParseJson(parts[0], "metadata");
    if (metadata.is_object()) CheckConfig(TokenizerConfig::FromGguf(metadata, "model.gguf"));
  });
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  trinity::CheckInput(trinity::InputParts(data, size, 4));
  return 0;
}
