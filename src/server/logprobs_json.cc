#include "server/logprobs_json.h"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/utf8.h"

namespace trinity {
namespace {

constexpr double kLeastLogprob = -9999;

double Finite(double logprob) { return std::isfinite(logprob) ? logprob : kLeastLogprob; }

Json BytesJson(std::string_view bytes) {
  Json array = Json::array();
  for (const char byte : bytes) array.push_back(static_cast<unsigned char>(byte));
  return array;
}

// Chat completions have the bytes beside the text, so that it may be a replacement.
Json EntryJson(const TokenLogprob& entry, const Tokenizer& tokenizer) {
  const std::string_view bytes = tokenizer.BytesOf(entry.id);
  return {{"token", ToValidUtf8(bytes)},
          {"logprob", Finite(entry.logprob)},
          {"bytes", BytesJson(bytes)}};
}

}  // namespace

std::string TokenText(const Tokenizer& tokenizer, int32_t id) {
  const std::string_view bytes = tokenizer.BytesOf(id);
  if (IsUtf8(bytes)) return std::string(bytes);
  std::string text = "bytes:";
  for (const char byte : bytes) {
    text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
  }
  return text;
}

Json ChatLogprobJson(const TokenLogprobs& token, const Tokenizer& tokenizer) {
  Json json = EntryJson(token.picked, tokenizer);
  json["top_logprobs"] = Json::array();
  for (const TokenLogprob& entry : token.top) {
    json["top_logprobs"].push_back(EntryJson(entry, tokenizer));
  }
  return json;
}

void CompletionLogprobs::Append(const TokenLogprobs& token, int64_t text_offset) {
  ids_.push_back(token.picked.id);
  entries_.push_back({token.picked.logprob, token.top, text_offset});
}

void CompletionLogprobs::AppendFirst(int32_t id) {
  has_first_ = true;
  ids_.push_back(id);
  entries_.push_back({0, {}, 0});
}

Json CompletionLogprobs::ToJson() const {
  Json json;
  for (const char* key : {"tokens", "token_logprobs", "top_logprobs", "text_offset"}) {
    json[key] = Json::array();
  }
  for (size_t i = 0; i < ids_.size(); ++i) {
    const Entry& entry = entries_[i];
    json["tokens"].push_back(TokenText(tokenizer_, ids_[i]));
    json["text_offset"].push_back(entry.text_offset);
    if (i == 0 && has_first_) {
      json["token_logprobs"].push_back(nullptr);
      json["top_logprobs"].push_back(nullptr);
      continue;
    }
    json["token_logprobs"].push_back(Finite(entry.logprob));
    Json top = Json::object();
    for (const TokenLogprob& other : entry.top) {
      // Several tokens may have the same text; the most likely one stands for it.
      const std::string text = TokenText(tokenizer_, other.id);
      if (!top.contains(text)) top[text] = Finite(other.logprob);
    }
    json["top_logprobs"].push_back(std::move(top));
  }
  return json;
}

Json PromptLogprobsJson(const std::vector<TokenLogprobs>& logprobs, const Tokenizer& tokenizer) {
  Json json = Json::array({nullptr});
  const auto entry_json = [&](const TokenLogprob& entry) -> Json {
    return {{"logprob", Finite(entry.logprob)}, {"decoded_token", TokenText(tokenizer, entry.id)}};
  };
  for (const TokenLogprobs& token : logprobs) {
    Json entries = Json::object();
    entries[std::to_string(token.picked.id)] = entry_json(token.picked);
    for (const TokenLogprob& other : token.top) {
      entries[std::to_string(other.id)] = entry_json(other);
    }
    json.push_back(std::move(entries));
  }
  return json;
}

int64_t CountCharacters(std::string_view text) {
  int64_t count = 0;
  for (const char byte : text) count += (static_cast<unsigned char>(byte) & 0xC0) != 0x80;
  return count;
}

}  // namespace trinity
