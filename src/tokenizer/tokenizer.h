#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/merge_table.h"
#include "tokenizer/post_processor.h"

namespace trinity {

struct TokenizerParts;

enum class SpecialTokens { kAdd, kLeaveOut };  // for Encode: what the post-processor adds (BOS)
enum class DecodeSpecial { kKeep, kSkip };     // for Decode
// Whether added tokens are looked for in a text, or "<|im_end|>" in it is ten characters and no
// more: text of users inside a rendered chat may ask for that.
enum class AddedTokensInText { kRecognise, kPlain };

// Text to token ids and back, as tokenizer.json or a GGUF file says: its added tokens, its
// pre-tokenizer steps, its BPE merges and its post-processor. Immutable and thread-safe.
class Tokenizer {
 public:
  // `path`: a tokenizer.json, or a folder that holds one. Throws Error; a step that is not
  // implemented is refused by its type name.
  static Tokenizer Load(const std::string& path);

  // From the metadata of a GGUF file; see gguf_tokenizer.h for what is accepted. Throws Error with
  // `origin` (the file) and key.
  static Tokenizer FromGguf(const Json& metadata, const std::string& origin);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Bytes that are not UTF-8 are first replaced by U+FFFD, one for each maximal part. Throws Error
  // for texts above 700 MB, and where a regex of a hostile tokenizer.json takes too much work.
  std::vector<int32_t> Encode(std::string_view text, SpecialTokens special,
                              AddedTokensInText added = AddedTokensInText::kRecognise) const;

  // The text of `ids`, with U+FFFD for each maximal part that is not UTF-8. Ids without a token
  // (padding rows of the embedding) decode to nothing.
  std::string Decode(std::span<const int32_t> ids, DecodeSpecial special) const;

  // The bytes that `id` stands for, possibly not UTF-8 by themselves; empty for ids without a
  // token.
  std::string_view BytesOf(int32_t id) const;

  bool IsSpecial(int32_t id) const;  // an added token with special: true
  std::optional<int32_t> FindToken(std::string_view token) const;  // as tokenizer.json spells it

  bool HasToken(int32_t id) const;
  std::string SpellingOf(int32_t id) const;   // as tokenizer.json spells it
  std::vector<TokenPair> ListMerges() const;  // by rank
  const PostProcessor& post_processor() const;

  // Whether text becomes ids as in all Trinity tokenizers, but for their vocabularies: what GGUF
  // files call "afmoe".
  bool uses_trinity_pipeline() const;

  int64_t num_tokens() const;  // entries of the vocabulary with the added tokens
  int64_t num_merges() const;
  const std::vector<std::string>& pre_tokenizer_steps() const;  // type names, for people
  const std::vector<AddedToken>& added_tokens() const;          // in the order of the file

 private:
  explicit Tokenizer(TokenizerParts parts);
  std::unique_ptr<const TokenizerParts> parts_;
  std::vector<bool> is_special_;  // by id
};

}  // namespace trinity
