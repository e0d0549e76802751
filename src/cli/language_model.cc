#include "cli/language_model.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "cli/loaded_model.h"
#include "cli/model_text.h"

namespace trinity {
namespace {

std::vector<int32_t> FindStopIds(const GenerationConfig& generation_config, const Config& config,
                                 const Tokenizer& tokenizer) {
  std::vector<int32_t> ids = generation_config.eos_token_ids;
  if (ids.empty()) ids = config.eos_token_ids;
  for (const char* name : {"<|im_end|>", "<|end_of_text|>"}) {
    const std::optional<int32_t> id = tokenizer.FindToken(name);
    if (id && tokenizer.IsSpecial(*id)) ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

int64_t EndOfTokens(const Tokenizer& tokenizer, int64_t vocab_size) {
  int64_t end = vocab_size;
  while (end > 0 && tokenizer.BytesOf(static_cast<int32_t>(end - 1)).empty()) --end;
  if (end == 0) Fail("tokenizer: it has no token below vocab_size, {}", vocab_size);
  return end;
}

// Folder and repository names tell variants of one shape apart.
std::string NameOfModel(const Checkpoint& checkpoint) {
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::canonical(checkpoint.folder(), error);
  const std::string file = std::filesystem::path(checkpoint.path()).filename().string();
  return folder.filename().string() + "/" + file;
}

}  // namespace

std::map<std::string, std::string> FindSpecialTokens(const TokenizerConfig& tokenizer_config,
                                                     const Tokenizer& tokenizer,
                                                     std::optional<int64_t> bos_token_id) {
  std::map<std::string, std::string> tokens = tokenizer_config.named_tokens;
  if (!tokens.empty()) return tokens;
  for (const AddedToken& token : tokenizer.added_tokens()) {
    if (token.id == bos_token_id) tokens["bos_token"] = token.content;
  }
  return tokens;
}

LanguageModel LanguageModel::Open(const std::string& path) {
  Checkpoint checkpoint = OpenModelCheckpoint(path);
  Config config = Config::FromJson(checkpoint.config(), checkpoint.config_origin());
  Tokenizer tokenizer = LoadTokenizer(checkpoint);
  TokenizerConfig tokenizer_config = LoadTokenizerConfig(checkpoint);
  tokenizer_config.named_tokens =
      FindSpecialTokens(tokenizer_config, tokenizer, config.bos_token_id);
  GenerationConfig generation_config = LoadGenerationConfig(checkpoint);
  std::optional<PromptFormat> format =
      PromptFormat::Find(tokenizer_config, &tokenizer, checkpoint.path());
  SamplingDefaults defaults =
      FindSamplingDefaults(generation_config, config, NameOfModel(checkpoint));
  std::vector<int32_t> stop_ids = FindStopIds(generation_config, config, tokenizer);
  const int64_t num_tokens = EndOfTokens(tokenizer, config.vocab_size);
  return {std::move(checkpoint),
          std::move(config),
          std::move(tokenizer),
          std::move(tokenizer_config),
          std::move(generation_config),
          std::move(format),
          std::move(defaults),
          std::move(stop_ids),
          num_tokens};
}

const PromptFormat& LanguageModel::format() const {
  if (found_format) return *found_format;
  Fail(
      "{}: expected a chat template, or a tokenizer with <|im_start|> and <|im_end|>, found "
      "neither: it was not made for chat; --raw continues a text",
      checkpoint.path());
}

}  // namespace trinity
