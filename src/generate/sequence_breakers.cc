#include "generate/sequence_breakers.h"

#include <map>
#include <set>
#include <string_view>

#include "base/error.h"

namespace trinity {
namespace {

constexpr size_t kMaxTexts = 64;
constexpr size_t kMaxTextBytes = 40;

void CheckTexts(std::span<const std::string> texts) {
  if (texts.size() > kMaxTexts) {
    Fail("dry_sequence_breakers: expected at most {} texts, found {}", kMaxTexts, texts.size());
  }
  for (const std::string& text : texts) {
    if (text.empty() || text.size() > kMaxTextBytes) {
      Fail("dry_sequence_breakers: expected texts of 1 to {} bytes, found {} bytes", kMaxTextBytes,
           text.size());
    }
  }
}

}  // namespace

std::vector<std::string> DefaultSequenceBreakers() { return {"\n", ":", "\"", "*"}; }

std::vector<std::vector<int32_t>> FindSequenceBreakers(const Tokenizer& tokenizer,
                                                       std::span<const std::string> texts) {
  CheckTexts(texts);
  std::set<std::vector<int32_t>> breakers;
  for (const std::string_view text : texts) {
    std::map<size_t, std::vector<int32_t>> rests;  // by the number of bytes before
    for (size_t size = 1; size < text.size(); ++size) {
      const bool splits_character = (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80;
      if (splits_character) continue;
      rests[size] =
          tokenizer.Encode(text.substr(size), SpecialTokens::kLeaveOut, AddedTokensInText::kPlain);
    }
    for (int64_t i = 0; i < tokenizer.num_tokens(); ++i) {
      const auto id = static_cast<int32_t>(i);
      const std::string_view bytes = tokenizer.BytesOf(id);
      if (bytes.find(text) != std::string_view::npos) {
        breakers.insert({id});
        continue;
      }
      for (const auto& [size, rest] : rests) {
        if (bytes.size() < size || bytes.substr(bytes.size() - size) != text.substr(0, size)) {
          continue;
        }
        std::vector<int32_t> breaker = {id};
        breaker.insert(breaker.end(), rest.begin(), rest.end());
        breakers.insert(std::move(breaker));
      }
    }
  }
  return {breakers.begin(), breakers.end()};
}

}  // namespace trinity
