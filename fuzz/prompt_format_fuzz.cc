// The templates of a model, as its files hold them: a default one and one for tools, or none at
// all, which means ChatML. The input is both templates, then messages and tools as JSON.

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/utf8.h"
#include "chat/prompt_format.h"
#include "fuzz/byte_alphabet_json.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"
#include "fuzz/scratch_file.h"

namespace trinity {
namespace {

Tokenizer MakeTokenizer() {
  ScratchFile file;
  file.Write(WithByteAlphabet(
      R"({"version": "1.0", "added_tokens": [
      {"id": 300, "content": "<|im_start|>", "special": true, "single_word": false,
       "lstrip": false, "rstrip": false, "normalized": false},
      {"id": 301, "content": "<|im_end|>", "special": true, "single_word": false,
       "lstrip": false, "rstrip": false, "normalized": false}],
      "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
      "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {@BYTES@},
      "merges": []}})"));
  return Tokenizer::Load(file.path());
}

const std::map<std::string, std::string> kTokens = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};

TokenizerConfig ConfigOf(std::string_view default_template, std::string_view tool_template) {
  TokenizerConfig config;
  config.named_tokens = kTokens;
  if (!default_template.empty()) {
    config.chat_templates.emplace_back("default", default_template);
  }
  if (!tool_template.empty()) config.chat_templates.emplace_back("tool_use", tool_template);
  return config;
}

// The prompt, or absent where it is refused.
std::optional<std::string> Render(const PromptFormat& format, const ChatRequest& request) {
  std::optional<std::string> prompt;
  Accepts([&] {
    prompt = format.Render(request);
    TRINITY_CHECK(IsUtf8(*prompt));
  });
  return prompt;
}

void CheckFormat(const std::vector<std::string_view>& parts) {
  static const Tokenizer tokenizer = MakeTokenizer();
  Accepts([&] {
    const TokenizerConfig config = ConfigOf(parts[0], parts[1]);
    const auto format = PromptFormat::Find(config, &tokenizer, "input");
    TRINITY_CHECK(format && format->is_assumed() == config.chat_templates.empty());
    TRINITY_CHECK(PromptFormat::Find(config, nullptr, "input").has_value() == !parts[0].empty());
    format->Reads("enable_thinking");
    format->TakesReasoning();
    const Json messages = ParseJson(parts[2], "messages");
    ChatRequest request{messages};
    Render(*format, request);
    if (parts[3].empty()) return;
    const Json tools = ParseJson(parts[3], "tools");
    request.tools = &tools;
    const std::optional<std::string> prompt = Render(*format, request);
    if (parts[1].empty()) return;
    TRINITY_CHECK(prompt == Render(PromptFormat::Parse(parts[1], "tools", kTokens), request));
  });
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  trinity::CheckFormat(trinity::InputParts(data, size, 4));
  return 0;
}
