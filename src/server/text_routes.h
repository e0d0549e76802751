#pragma once

#include "server/api_call.h"

namespace trinity {

// POST /tokenize, /detokenize and /apply-template: text to ids and back, messages to the text of a
// prompt. They run in a task and throw Error for what is wrong with the request.
void AnswerTokenize(ApiCall& call);
void AnswerDetokenize(ApiCall& call);
void AnswerApplyTemplate(ApiCall& call);

}  // namespace trinity
