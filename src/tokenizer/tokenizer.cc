#include "tokenizer/tokenizer.h"

#include <simdjson.h>

#include <filesystem>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "tokenizer/byte_alphabet.h"
#include "tokenizer/gguf_tokenizer.h"
#include "tokenizer/tokenizer_json.h"
#include "tokenizer/tokenizer_parts.h"

namespace trinity {

Tokenizer Tokenizer::Load(const std::string& path) {
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(path, error);
  return Tokenizer(LoadTokenizerJson(is_folder ? path + "/tokenizer.json" : path));
}

Tokenizer Tokenizer::FromGguf(const Json& metadata, const std::string& origin) {
  return Tokenizer(ReadGgufTokenizer(metadata, origin));
}

Tokenizer::Tokenizer(TokenizerParts parts)
    : parts_(std::make_unique<const TokenizerParts>(std::move(parts))),
      is_special_(static_cast<size_t>(parts_->model->vocabulary().num_ids())) {
  for (const AddedToken& token : parts_->added_tokens->tokens()) {
    if (token.special) is_special_[static_cast<size_t>(token.id)] = true;
  }
}
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
  std::vector<int32_t> ids;
  if (special == SpecialTokens::kAdd) ids = parts_->post_processor.before;
  std::vector<AddedTokens::Part> text_parts = {{text, nullptr}};
  if (added == AddedTokensInText::kRecognise) text_parts = parts_->added_tokens->Split(text);
  BytePairEncoding::Scratch scratch;
  for (const AddedTokens::Part& part : text_parts) {
    if (part.token != nullptr) {
      ids.push_back(part.token->id);
      continue;
    }
    parts_->pre_tokenizer->ForEachPiece(
        part.text, [&](std::string_view piece) { parts_->model->Encode(piece, scratch, ids); });
  }
  if (special == SpecialTokens::kAdd) {
    ids.insert(ids.end(), parts_->post_processor.after.begin(), parts_->post_processor.after.end());
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
  return parts_->model->vocabulary().BytesOf(id);
}

bool Tokenizer::IsSpecial(int32_t id) const {
  return id >= 0 && static_cast<size_t>(id) < is_special_.size() &&
         is_special_[static_cast<size_t>(id)];
}

std::optional<int32_t> Tokenizer::FindToken(std::string_view token) const {
  return parts_->model->vocabulary().Find(token);
}

std::string Tokenizer::SpellingOf(int32_t id) const {
  const Vocabulary& vocabulary = parts_->model->vocabulary();
  const std::string_view bytes = vocabulary.BytesOf(id);
  if (!vocabulary.IsOfByteAlphabet(id)) return std::string(bytes);
  std::string spelling;
  for (const char byte : bytes) spelling += SpellingOfByte(static_cast<uint8_t>(byte));
  return spelling;
}

bool Tokenizer::HasToken(int32_t id) const { return parts_->model->vocabulary().Has(id); }

std::vector<TokenPair> Tokenizer::ListMerges() const { return parts_->model->ListMerges(); }

bool Tokenizer::uses_trinity_pipeline() const {
  return parts_->pre_tokenizer->is_trinity() && !parts_->model->takes_whole_pieces();
}

const PostProcessor& Tokenizer::post_processor() const { return parts_->post_processor; }

int64_t Tokenizer::num_tokens() const { return parts_->model->vocabulary().num_tokens(); }

int64_t Tokenizer::num_merges() const { return parts_->model->num_merges(); }

const std::vector<std::string>& Tokenizer::pre_tokenizer_steps() const {
  return parts_->pre_tokenizer->step_names();
}

const std::vector<AddedToken>& Tokenizer::added_tokens() const {
  return parts_->added_tokens->tokens();
}

}  // namespace trinity
