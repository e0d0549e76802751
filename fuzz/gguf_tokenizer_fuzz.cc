// The tokenizer, templates and advice in the metadata of a GGUF file, as JSON, and a text for it.
// "@TOKENS@" and "@TYPES@" stand for the 256 bytes of the vocabulary and their types.

#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/utf8.h"
#include "fuzz/byte_alphabet_json.h"
#include "fuzz/input_parts.h"
#include "fuzz/refusal.h"
#include "tokenizer/generation_config.h"
#include "tokenizer/gguf_tokenizer.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/tokenizer_config.h"

namespace trinity {
namespace {

void CheckMetadata(const Json& metadata, std::string_view text) {
  Accepts([&] {
    const Tokenizer tokenizer = Tokenizer::FromGguf(metadata, "model.gguf");
    std::string bytes;
    const std::vector<int32_t> ids = tokenizer.Encode(text, SpecialTokens::kAdd);
    for (const int32_t id : ids) {
      TRINITY_CHECK(id >= 0);
      bytes += tokenizer.BytesOf(id);
    }
    TRINITY_CHECK(tokenizer.Decode(ids, DecodeSpecial::kKeep) == ToValidUtf8(bytes));
  });
  Accepts([&] {
    const TokenizerConfig config = TokenizerConfig::FromGguf(metadata, "model.gguf");
    for (const auto& [name, chat_template] : config.chat_templates) {
      TRINITY_CHECK(IsUtf8(name) && IsUtf8(chat_template));
    }
  });
  Accepts([&] {
    const GenerationConfig config = GenerationConfig::FromGguf(metadata, "model.gguf");
    for (const int32_t id : config.eos_token_ids) TRINITY_CHECK(id >= 0);
  });
}

void CheckInput(const std::vector<std::string_view>& parts) {
  Accepts([&] {
    const Json metadata = ParseJson(WithByteAlphabet(parts[0]), "metadata");
    if (metadata.is_object()) CheckMetadata(metadata, parts[1]);
  });
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  trinity::CheckInput(trinity::InputParts(data, size, 2));
  return 0;
}
