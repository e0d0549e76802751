#include "generate/answer_text.h"

namespace trinity {

std::string AnswerText::Append(int32_t id) {
  std::string text = stream_.Append(id);
  return ++num_appended_ <= min_tokens_ ? text : matcher_.Append(text);
}

std::string AnswerText::Finish() {
  std::string rest = matcher_.Append(stream_.Finish());
  rest += matcher_.Finish();
  return rest;
}

}  // namespace trinity
