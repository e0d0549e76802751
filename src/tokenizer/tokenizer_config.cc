#include "tokenizer/tokenizer_config.h"

#include <algorithm>
#include <array>
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
constexpr size_t kMaxNamedTokens = 1024;
constexpr const char* kDefaultTemplate = "default";

[[noreturn]] void Refuse(const std::string& where, std::string_view expected, const Json& found) {
  Fail("{}: expected {}, found {}", where, expected, Printable(found.dump()));
}

const Json* Find(const Json& object, const char* key) {
  const auto member = object.find(key);
  return member == object.end() || member->is_null() ? nullptr : &*member;
}

// A token is a string, or an object whose "content" is one; nullptr for anything else.
const Json* FindTokenText(const Json& token) {
  const Json* text = token.is_object() ? Find(token, "content") : &token;
  return text != nullptr && text->is_string() ? text : nullptr;
}

// What is there already stays.
void AddToken(const std::string& name, const Json& token, const std::string& path,
              TokenizerConfig& config) {
  const Json* text = FindTokenText(token);
  if (text == nullptr) {
    Refuse(path + ": " + name, "a string or an object with \"content\"", token);
  }
  if (config.named_tokens.size() == kMaxNamedTokens) {
    Fail("{}: expected at most {} named tokens", path, kMaxNamedTokens);
  }
  config.named_tokens.emplace(name, text->get<std::string>());
}

bool IsTokenOfAllModels(const std::string& name) {
  constexpr std::array kNames = {"bos_token", "eos_token", "unk_token", "sep_token",
                                 "pad_token", "cls_token", "mask_token"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

void ReadTokens(const Json& json, const std::string& path, TokenizerConfig& config) {
  for (const auto& [name, value] : json.items()) {
    if (value.is_null()) continue;
    const bool is_of_one_model = name.ends_with("_token") && FindTokenText(value) != nullptr;
    if (IsTokenOfAllModels(name) || is_of_one_model) AddToken(name, value, path, config);
  }
  const Json* extra = Find(json, "extra_special_tokens");
  if (extra == nullptr || !extra->is_object()) return;
  for (const auto& [name, value] : extra->items()) {
    AddToken(name, value, path + ": extra_special_tokens", config);
  }
}

std::optional<std::string> FindNamed(const TokenizerConfig& config, const std::string& name) {
  const auto found = config.named_tokens.find(name);
  if (found == config.named_tokens.end()) return std::nullopt;
  return found->second;
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
  const std::string single = folder + "/chat_template.jinja";
  if (IsThere(single)) AddTemplateFile(kDefaultTemplate, single, config);
  const std::string others = folder + "/additional_chat_templates";
  if (!IsThere(others)) return;
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  std::filesystem::directory_iterator files(others, error);
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    if (files->path().extension() == ".jinja") paths.push_back(files->path());
    if (paths.size() > kMaxTemplates) Fail("{}: more than {} templates", folder, kMaxTemplates);
  }
  if (error) Fail("{}: expected a folder of templates: {}", others, error.message());
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) AddTemplateFile(path.stem().string(), path.string(), config);
}

std::optional<Json> LoadIfThere(const std::string& path) {
  if (!IsThere(path)) return std::nullopt;
  Json json = LoadJson(path);
  if (!json.is_object()) Refuse(path, "an object", json);
  return json;
}

void SortTemplates(TokenizerConfig& config) {
  std::stable_partition(config.chat_templates.begin(), config.chat_templates.end(),
                        [](const auto& entry) { return entry.first == kDefaultTemplate; });
}

void SetWellKnownTokens(TokenizerConfig& config) {
  config.bos_token = FindNamed(config, "bos_token");
  config.eos_token = FindNamed(config, "eos_token");
  config.pad_token = FindNamed(config, "pad_token");
}

}  // namespace

TokenizerConfig TokenizerConfig::Load(const std::string& folder) {
  TokenizerConfig config;
  ReadTemplateFiles(folder, config);
  const std::string main_path = folder + "/tokenizer_config.json";
  if (const std::optional<Json> json = LoadIfThere(main_path)) {
    ReadTokens(*json, main_path, config);
    if (config.chat_templates.empty()) ReadTemplates(*json, main_path, config);
    if (const Json* add = Find(*json, "add_bos_token")) {
      if (!add->is_boolean()) Refuse(main_path + ": add_bos_token", "true or false", *add);
      config.add_bos_token = add->get<bool>();
    }
  }
  const std::string map_path = folder + "/special_tokens_map.json";
  if (const std::optional<Json> json = LoadIfThere(map_path)) {
    ReadTokens(*json, map_path, config);
  }
  SetWellKnownTokens(config);
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
  constexpr std::array<std::pair<const char*, const char*>, 7> kTokens = {{
      {"bos_token", "tokenizer.ggml.bos_token_id"},
      {"eos_token", "tokenizer.ggml.eos_token_id"},
      {"unk_token", "tokenizer.ggml.unknown_token_id"},
      {"sep_token", "tokenizer.ggml.seperator_token_id"},  // spelled so in the format
      {"pad_token", "tokenizer.ggml.padding_token_id"},
      {"cls_token", "tokenizer.ggml.cls_token_id"},
      {"mask_token", "tokenizer.ggml.mask_token_id"},
  }};
  for (const auto& [name, key] : kTokens) {
    if (const std::optional<std::string> token = find_token(key)) {
      config.named_tokens.emplace(name, *token);
    }
  }
  SetWellKnownTokens(config);
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
