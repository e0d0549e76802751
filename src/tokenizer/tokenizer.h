#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace trinity {

enum class SpecialTokens { kAdd, kLeaveOut };  // for Encode: what the post-processor adds (BOS)
enum class DecodeSpecial { kKeep, kSkip };     // for Decode

// Text to token ids and back, as tokenizer.json says: its added tokens, its pre-tokenizer steps,
// its BPE merges and its post-processor. Immutable and thread-safe.
class Tokenizer {
 public:
  // `path`: a tokenizer.json, or a folder that holds one. Throws Error; a step that is not
  // implemented is refused by its type name.
  static Tokenizer Load(const std::string& path);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Bytes that are not UTF-8 are first replaced by U+FFFD. Added tokens in `text` are recognised
  // unless `text` is said to be plain.
  std::vector<int32_t> Encode(std::string_view text, SpecialTokens special) const;

  // The text of `ids`, with U+FFFD for each maximal part that is not UTF-8. Ids without a token
  // (padding rows of the embedding) decode to nothing.
  std::string Decode(std::span<const int32_t> ids, DecodeSpecial special) const;

  // The bytes that `id` stands for, possibly not UTF-8 by themselves; empty for ids without a
  // token.
  std::string_view BytesOf(int32_t id) const;

  bool IsSpecial(int32_t id) const;  // an added token with special: true
  std::optional<int32_t> FindToken(std::string_view token) const;  // as tokenizer.json spells it

  int64_t num_tokens() const;  // entries of the vocabulary with the added tokens
  int64_t num_merges() const;
  std::vector<std::string> pre_tokenizer_steps() const;  // their type names, for people
  struct AddedToken {
    int32_t id;
    std::string content;
    bool special;
  };
  const std::vector<AddedToken>& added_tokens() const;

 private:
  struct Parts;
  explicit Tokenizer(std::unique_ptr<const Parts> parts);
  std::unique_ptr<const Parts> parts_;
};

}  // namespace trinity
