#include "tokenizer/tokenizer.h"

#include <simdjson.h>

#include <filesystem>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "tokenizer/tokenizer_json.h"

namespace trinity {

struct Tokenizer::Parts {
  TokenizerJson json;
  std::vector<bool> is_special;  // by id
};

Tokenizer Tokenizer::Load(const std::string& path) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(path, error);
  auto parts = std::make_unique<Parts>();
  parts->json = LoadTokenizerJson(is_folder ? path + "/tokenizer.json" : path);
  parts->is_special.resize(static_cast<size_t>(parts->json.model->vocabulary().num_ids()));
  for (const AddedToken& token : parts->json.added_tokens->tokens()) {
    if (token.special) parts->is_special[static_cast<size_t>(token.id)] = true;
  }
  return Tokenizer(std::move(parts));
}

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

std::vector<int32_t> Tokenizer::Encode(std::string_view text, SpecialTokens special,
                                       AddedTokensInText added) const {
  if (text.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()) / 3) {
    Fail("text to tokenize: expected less than 700 MB, found {} bytes", text.size());
  }
  std::string repaired;
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    repaired = ToValidUtf8(text);
    text = repaired;
  }
  const TokenizerJson& json = parts_->json;
  std::vector<int32_t> ids;
  if (special == SpecialTokens::kAdd) ids = json.post_processor.before;
  std::vector<AddedTokens::Part> text_parts = {{text, nullptr}};
  if (added == AddedTokensInText::kRecognise) text_parts = json.added_tokens->Split(text);
  BytePairEncoding::Scratch scratch;
  for (const AddedTokens::Part& part : text_parts) {
    if (part.token != nullptr) {
      ids.push_back(part.token->id);
      continue;
    }
    json.pre_tokenizer->ForEachPiece(
        part.text, [&](std::string_view piece) { json.model->Encode(piece, scratch, ids); });
  }
  if (special == SpecialTokens::kAdd) {
    ids.insert(ids.end(), json.post_processor.after.begin(), json.post_processor.after.end());
  }
  return ids;
}

std::string Tokenizer::Decode(std::span<const int32_t> ids, DecodeSpecial special) const {
  std::string bytes;
  for (const int32_t id : ids) {
    if (special == DecodeSpecial::kSkip && IsSpecial(id)) continue;
    bytes += BytesOf(id);
  }
  return ToValidUtf8(bytes);
}

std::string_view Tokenizer::BytesOf(int32_t id) const {
  return parts_->json.model->vocabulary().BytesOf(id);
}

bool Tokenizer::IsSpecial(int32_t id) const {
  return id >= 0 && static_cast<size_t>(id) < parts_->is_special.size() &&
         parts_->is_special[static_cast<size_t>(id)];
}

std::optional<int32_t> Tokenizer::FindToken(std::string_view token) const {
  return parts_->json.model->vocabulary().Find(token);
}

int64_t Tokenizer::num_tokens() const { return parts_->json.model->vocabulary().num_tokens(); }

int64_t Tokenizer::num_merges() const { return parts_->json.model->num_merges(); }

const std::vector<std::string>& Tokenizer::pre_tokenizer_steps() const {
  return parts_->json.pre_tokenizer->step_names();
}

const std::vector<AddedToken>& Tokenizer::added_tokens() const {
  return parts_->json.added_tokens->tokens();
}

}  // namespace trinity
