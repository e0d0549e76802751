#include "generate/answer_text.h"

#include <algorithm>

namespace trinity {

std::string AnswerText::Append(int32_t id) {
  std::string text = stream_.Append(id);
  token_begins_.push_back(num_bytes_);
  num_bytes_ += text.size();
  const auto num_appended = static_cast<int64_t>(token_begins_.size());
  return num_appended <= min_tokens_ ? text : matcher_.Append(text);
}

std::string AnswerText::Finish() {
  std::string rest = matcher_.Append(stream_.Finish());
  rest += matcher_.Finish();
  return rest;
}

int64_t AnswerText::NumTokensIn(size_t text_bytes) const {
  return std::lower_bound(token_begins_.begin(), token_begins_.end(), text_bytes) -
         token_begins_.begin();
}

}  // namespace trinity
