#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace trinity {

// An entry of added_tokens in tokenizer.json: cut out of the text before anything else sees it.
struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false;     // left out of decoded text on request
  bool normalized = false;  // looked for only in what the others leave
  bool lstrip = false;      // swallows the white space before it
  bool rstrip = false;      // swallows the white space after it
};

// Finds added tokens in text. Of those that begin at the leftmost place the longest is taken.
class AddedTokens {
 public:
  // A stretch of text, or an added token in it.
  struct Part {
    std::string_view text;
    const AddedToken* token;  // null: plain text
  };

  // Contents are neither empty nor equal to each other.
  explicit AddedTokens(std::vector<AddedToken> tokens);
  AddedTokens(const AddedTokens&) = delete;
  AddedTokens& operator=(const AddedTokens&) = delete;

  const std::vector<AddedToken>& tokens() const { return tokens_; }

  // The parts of `text` in order; plain parts are not empty.
  std::vector<Part> Split(std::string_view text) const;

 private:
  // A tree of the contents' bytes.
  class Finder {
   public:
    void Add(std::string_view content, size_t token);
    // The index of the longest token at the beginning of `text`, or kNone.
    size_t LongestAt(std::string_view text) const;
    bool MayBegin(char byte) const { return begins_[static_cast<uint8_t>(byte)]; }
    bool empty() const { return token_of_.empty(); }

   private:
    std::array<bool, 256> begins_{};
    std::unordered_map<uint64_t, uint32_t> children_;  // node << 8 | byte -> node
    std::vector<size_t> token_of_;                     // by node; node 0 is the root
  };
  static constexpr size_t kNone = ~size_t{0};

  void SplitBy(const Finder& finder, std::string_view text, std::vector<Part>& parts) const;

  std::vector<AddedToken> tokens_;
  Finder verbatim_;    // normalized: false
  Finder normalized_;  // normalized: true
};

}  // namespace trinity
