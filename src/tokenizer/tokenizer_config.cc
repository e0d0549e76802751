#include "tokenizer/tokenizer_config.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "tokenizer/gguf_keys.h"

namespace trinity {
namespace {

constexpr size_t kMaxTemplateBytes = size_t{4} << 20;
constexpr size_t kMaxTemplates = 64;
constexpr const char* kDefaultTemplate = "default";

[[noreturn]] void Refuse(const std::string& where, std::string_view expected, const Json& found) {
  Fail("{}: expected {}, found {}", where, expected, Printable(found.dump()));
}

const Json* Find(const Json& object, const char* key) {
  const auto member = object.find(key);
  return member == object.end() || member->is_null() ? nullptr : &*member;
}

// A token is a string, or an object whose "content" is one. What is there already stays.
void ReadToken(const Json& json, const std::string& path, const char* key,
               std::optional<std::string>& token) {
  const Json* found = Find(json, key);
  if (found == nullptr || token) return;
  const Json* text = found->is_object() ? Find(*found, "content") : found;
  if (text == nullptr || !text->is_string()) {
    Refuse(path + ": " + key, "a string or an object with \"content\"", *found);
  }
  token = text->get<std::string>();
}

// Keeps the first template of a name.
void AddTemplate(std::string name, std::string text, TokenizerConfig& config) {
  for (const auto& [known, unused] : config.chat_templates) {
    if (known == name) return;
  }
  if (config.chat_templates.size() == kMaxTemplates) {
    Fail("chat templates: expected at most {}", kMaxTemplates);
  }
  config.chat_templates.emplace_back(std::move(name), std::move(text));
}

void AddTemplateFile(std::string name, const std::string& path, TokenizerConfig& config) {
  std::string text = ReadTextFile(path, kMaxTemplateBytes);
  if (!IsUtf8(text)) Fail("{}: expected UTF-8, found other bytes", path);
  AddTemplate(std::move(name), std::move(text), config);
}

void ReadTemplates(const Json& json, const std::string& path, TokenizerConfig& config) {
  const Json* found = Find(json, "chat_template");
  if (found == nullptr) return;
  const std::string where = path + ": chat_template";
  if (found->is_string()) return AddTemplate(kDefaultTemplate, found->get<std::string>(), config);
  if (!found->is_array()) Refuse(where, "a string or a list of templates", *found);
  for (const Json& item : *found) {
    const Json* name = item.is_object() ? Find(item, "name") : nullptr;
    const Json* text = item.is_object() ? Find(item, "template") : nullptr;
    if (name == nullptr || !name->is_string() || text == nullptr || !text->is_string()) {
      Refuse(where, "objects with the strings \"name\" and \"template\"", item);
    }
    AddTemplate(name->get<std::string>(), text->get<std::string>(), config);
  }
}

void ReadTemplateFiles(const std::string& folder, TokenizerConfig& config) {
  std::error_code error;
  const std::string single = folder + "/chat_template.jinja";
  if (std::filesystem::exists(single, error)) AddTemplateFile(kDefaultTemplate, single, config);
  std::vector<std::filesystem::path> paths;
  std::filesystem::directory_iterator files(folder + "/additional_chat_templates", error);
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    if (files->path().extension() == ".jinja") paths.push_back(files->path());
    if (paths.size() > kMaxTemplates) Fail("{}: more than {} templates", folder, kMaxTemplates);
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) AddTemplateFile(path.stem().string(), path.string(), config);
}

std::optional<Json> LoadIfThere(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  Json json = LoadJson(path);
  if (!json.is_object()) Refuse(path, "an object", json);
  return json;
}

void ReadTokens(const Json& json, const std::string& path, TokenizerConfig& config) {
  ReadToken(json, path, "bos_token", config.bos_token);
  ReadToken(json, path, "eos_token", config.eos_token);
  ReadToken(json, path, "pad_token", config.pad_token);
}

void SortTemplates(TokenizerConfig& config) {
  std::stable_partition(config.chat_templates.begin(), config.chat_templates.end(),
                        [](const auto& entry) { return entry.first == kDefaultTemplate; });
}

}  // namespace

TokenizerConfig TokenizerConfig::Load(const std::string& folder) {
  TokenizerConfig config;
  ReadTemplateFiles(folder, config);
  const std::string main_path = folder + "/tokenizer_config.json";
  if (const std::optional<Json> json = LoadIfThere(main_path)) {
    ReadTokens(*json, main_path, config);
    ReadTemplates(*json, main_path, config);
    if (const Json* add = Find(*json, "add_bos_token")) {
      if (!add->is_boolean()) Refuse(main_path + ": add_bos_token", "true or false", *add);
      config.add_bos_token = add->get<bool>();
    }
  }
  const std::string map_path = folder + "/special_tokens_map.json";
  if (const std::optional<Json> json = LoadIfThere(map_path)) {
    ReadTokens(*json, map_path, config);
  }
  SortTemplates(config);
  return config;
}

TokenizerConfig TokenizerConfig::FromGguf(const Json& metadata, const std::string& origin) {
  const GgufKeys keys(metadata, origin);
  const auto find_token = [&](std::string_view key) -> std::optional<std::string> {
    const std::optional<int32_t> id = keys.FindId(key);
    if (!id) return std::nullopt;
    const Json& tokens = keys.Array("tokenizer.ggml.tokens");
    if (static_cast<size_t>(*id) >= tokens.size() ||
        !tokens[static_cast<size_t>(*id)].is_string()) {
      keys.Refuse(key, "the id of a token", *id);
    }
    return tokens[static_cast<size_t>(*id)].get<std::string>();
  };
  TokenizerConfig config;
  config.bos_token = find_token("tokenizer.ggml.bos_token_id");
  config.eos_token = find_token("tokenizer.ggml.eos_token_id");
  config.pad_token = find_token("tokenizer.ggml.padding_token_id");
  config.add_bos_token = keys.FindBoolean("tokenizer.ggml.add_bos_token");
  constexpr std::string_view kTemplate = "tokenizer.chat_template";
  for (const auto& entry : metadata.items()) {
    const std::string_view key = entry.key();
    const bool is_named = key.starts_with(std::string(kTemplate) + ".");
    if (key != kTemplate && !is_named) continue;
    const std::string text = keys.FindString(key).value_or("");
    if (text.size() > kMaxTemplateBytes) {
      Fail("{}: expected at most {} bytes, found {}", keys.Where(Printable(key)), kMaxTemplateBytes,
           text.size());
    }
    AddTemplate(is_named ? entry.key().substr(kTemplate.size() + 1) : kDefaultTemplate, text,
                config);
  }
  SortTemplates(config);
  return config;
}

}  // namespace trinity
