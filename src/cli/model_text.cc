#include "cli/model_text.h"

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/file.h"
#include "base/utf8.h"
#include "cli/model_path.h"

namespace trinity {

Tokenizer LoadTokenizer(const Checkpoint& checkpoint) {
  if (const Json* metadata = checkpoint.gguf_metadata()) {
    return Tokenizer::FromGguf(*metadata, checkpoint.path());
  }
  return Tokenizer::Load(checkpoint.folder());
}

TokenizerConfig LoadTokenizerConfig(const Checkpoint& checkpoint) {
  if (const Json* metadata = checkpoint.gguf_metadata()) {
    return TokenizerConfig::FromGguf(*metadata, checkpoint.path());
  }
  return TokenizerConfig::Load(checkpoint.folder());
}

GenerationConfig LoadGenerationConfig(const Checkpoint& checkpoint) {
  if (const Json* metadata = checkpoint.gguf_metadata()) {
    return GenerationConfig::FromGguf(*metadata, checkpoint.path());
  }
  return GenerationConfig::Load(checkpoint.folder());
}

bool HasTokenizer(const Checkpoint& checkpoint) {
  if (const Json* metadata = checkpoint.gguf_metadata()) {
    return metadata->contains("tokenizer.ggml.tokens");
  }
  return IsThere(checkpoint.folder() + "/tokenizer.json");
}

CheckpointText LoadCheckpointText(const Checkpoint& checkpoint) {
  CheckpointText text;
  if (HasTokenizer(checkpoint)) text.tokenizer.emplace(LoadTokenizer(checkpoint));
  text.tokenizer_config = LoadTokenizerConfig(checkpoint);
  text.generation_config = LoadGenerationConfig(checkpoint);
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::canonical(checkpoint.folder(), error);
  text.name = ToValidUtf8(folder.filename().string());
  return text;
}

Tokenizer LoadTokenizerAt(const std::string& path) {
  if (path.ends_with(".gguf")) return LoadTokenizer(Checkpoint::Open(path));
  return Tokenizer::Load(path.ends_with(".safetensors") ? FolderOf(path) : path);
}

}  // namespace trinity
