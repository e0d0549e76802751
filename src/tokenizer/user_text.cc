#include "tokenizer/user_text.h"

#include <algorithm>

namespace trinity {
namespace {

constexpr std::string_view kMark = "\xEF\xB7\x90";         // U+FDD0
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

}  // namespace

UserText::UserText(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {
  for (const AddedToken& token : tokenizer.added_tokens()) {
    if (token.special && !token.content.empty()) spellings_.push_back(token.content);
  }
}

size_t UserText::SpelledTokenBytes(std::string_view text) const {
  size_t longest = 0;
  for (const std::string& spelling : spellings_) {
    if (text.starts_with(spelling)) longest = std::max(longest, spelling.size());
  }
  return longest;
}

std::string UserText::Shield(std::string_view text) const {
  std::string shielded;
  shielded.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    if (text.substr(i).starts_with(kMark)) {
      shielded += kReplacement;
      i += kMark.size();
      continue;
    }
    if (SpelledTokenBytes(text.substr(i)) > 0) shielded += kMark;
    shielded += text[i++];
  }
  return shielded;
}

std::string UserText::WithoutMarks(std::string_view rendered) {
  std::string plain;
  while (true) {
    const size_t mark = rendered.find(kMark);
    plain += rendered.substr(0, mark);
    if (mark == std::string_view::npos) return plain;
    rendered.remove_prefix(mark + kMark.size());
  }
}

std::vector<int32_t> UserText::Encode(std::string_view rendered) const {
  std::vector<int32_t> ids;
  const auto append = [&](std::string_view part, AddedTokensInText added) {
    const std::vector<int32_t> more = tokenizer_.Encode(part, SpecialTokens::kLeaveOut, added);
    ids.insert(ids.end(), more.begin(), more.end());
  };
  while (true) {
    const size_t mark = rendered.find(kMark);
    append(rendered.substr(0, mark), AddedTokensInText::kRecognise);
    if (mark == std::string_view::npos) return ids;
    rendered.remove_prefix(mark + kMark.size());
    const size_t spelled = SpelledTokenBytes(rendered);
    append(rendered.substr(0, spelled), AddedTokensInText::kPlain);
    rendered.remove_prefix(spelled);
  }
}

}  // namespace trinity
