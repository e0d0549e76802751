#pragma once

#include "server/api_call.h"

namespace trinity {

// POST /v1/embeddings: for each input the mean of the hidden rows after the final norm, scaled to
// length 1. Runs in a task and throws Error for what is wrong with the request.
void AnswerEmbedding(ApiCall& call);

}  // namespace trinity
