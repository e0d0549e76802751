#pragma once

#include "server/api_call.h"

namespace trinity {

// POST /v1/chat/completions and /v1/completions. They run in a task; what is wrong with the request
// is thrown as Error, everything after it is answered through the exchange.
void AnswerChatCompletion(ApiCall& call);
void AnswerCompletion(ApiCall& call);

}  // namespace trinity
