#include "tokenizer/added_tokens.h"

#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "tokenizer/code_point_set.h"

namespace trinity {
namespace {

// Bytes of white space at the beginning of `text`, which is valid UTF-8.
size_t WhiteSpaceAtBegin(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Utf8Char c = DecodeUtf8(text.substr(at));
    if (!IsWhiteSpace(c.code_point)) break;
    at += c.num_bytes;
  }
  return at;
}

size_t WhiteSpaceAtEnd(std::string_view text) {
  size_t end = text.size();
  while (end > 0) {
    size_t begin = end - 1;
    while (begin > 0 && (text[begin] & 0xC0) == 0x80) --begin;
    if (!IsWhiteSpace(DecodeUtf8(text.substr(begin)).code_point)) break;
    end = begin;
  }
  return text.size() - end;
}

}  // namespace

void AddedTokens::Finder::Add(std::string_view content, size_t token) {
  if (token_of_.empty()) token_of_.push_back(kNone);
  begins_[static_cast<uint8_t>(content[0])] = true;
  uint32_t node = 0;
  for (const char c : content) {
    const uint64_t edge = uint64_t{node} << 8 | static_cast<uint8_t>(c);
    const auto [child, is_new] =
        children_.try_emplace(edge, static_cast<uint32_t>(token_of_.size()));
    if (is_new) token_of_.push_back(kNone);
    node = child->second;
  }
  token_of_[node] = token;
}

size_t AddedTokens::Finder::LongestAt(std::string_view text) const {
  size_t longest = kNone;
  uint32_t node = 0;
  for (const char c : text) {
    const auto child = children_.find(uint64_t{node} << 8 | static_cast<uint8_t>(c));
    if (child == children_.end()) break;
    node = child->second;
    if (token_of_[node] != kNone) longest = token_of_[node];
  }
  return longest;
}

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  for (size_t i = 0; i < tokens_.size(); ++i) {
    (tokens_[i].normalized ? normalized_ : verbatim_).Add(tokens_[i].content, i);
  }
}

void AddedTokens::SplitBy(const Finder& finder, std::string_view text,
                          std::vector<Part>& parts) const {
  size_t done = 0;  // everything before is in `parts`
  size_t at = 0;
  while (at < text.size()) {
    const size_t index = finder.MayBegin(text[at]) ? finder.LongestAt(text.substr(at)) : kNone;
    if (index == kNone) {
      ++at;
      continue;
    }
    const AddedToken& token = tokens_[index];
    size_t begin = at;
    at += token.content.size();
    size_t end = at;
    if (token.lstrip) begin = std::max(done, begin - WhiteSpaceAtEnd(text.substr(0, begin)));
    if (token.rstrip) end += WhiteSpaceAtBegin(text.substr(end));
    // A token may begin in the white space that the one before it swallowed; text after it is then
    // seen again. So does the reference.
    if (done < begin) parts.push_back({text.substr(done, begin - done), nullptr});
    parts.push_back({text.substr(begin, end - begin), &token});
    done = end;
  }
  if (done < text.size()) parts.push_back({text.substr(done), nullptr});
}

std::vector<AddedTokens::Part> AddedTokens::Split(std::string_view text) const {
  std::vector<Part> parts;
  SplitBy(verbatim_, text, parts);
  if (normalized_.empty()) return parts;
  std::vector<Part> finer;
  for (const Part& part : parts) {
    if (part.token != nullptr) {
      finer.push_back(part);
    } else {
      SplitBy(normalized_, part.text, finer);
    }
  }
  return finer;
}

}  // namespace trinity
