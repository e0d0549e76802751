#include "cli/logprob_text.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "base/utf8.h"

namespace trinity {
namespace {

Json ToJson(const TokenLogprob& entry, const Tokenizer& tokenizer) {
  const std::string_view bytes = tokenizer.BytesOf(entry.id);
  return {{"id", entry.id},
          {"token", ToValidUtf8(bytes)},
          {"logprob", std::isfinite(entry.logprob) ? Json(entry.logprob) : Json()}};
}

std::string ToText(const TokenLogprob& entry, const Tokenizer& tokenizer) {
  return fmt::format("\"{}\" {:.3f}", Printable(tokenizer.BytesOf(entry.id)), entry.logprob);
}

}  // namespace

Json LogprobsJson(std::span<const TokenLogprobs> logprobs, const Tokenizer& tokenizer) {
  Json json = Json::array();
  for (const TokenLogprobs& token : logprobs) {
    Json entry = ToJson(token.picked, tokenizer);
    entry["top"] = Json::array();
    for (const TokenLogprob& other : token.top) entry["top"].push_back(ToJson(other, tokenizer));
    json.push_back(std::move(entry));
  }
  return json;
}

std::string LogprobsText(std::span<const TokenLogprobs> logprobs, const Tokenizer& tokenizer) {
  std::string text;
  for (const TokenLogprobs& token : logprobs) {
    text += ToText(token.picked, tokenizer);
    for (size_t i = 0; i < token.top.size(); ++i) {
      text += (i == 0 ? " | " : ", ") + ToText(token.top[i], tokenizer);
    }
    text += '\n';
  }
  return text;
}

}  // namespace trinity
