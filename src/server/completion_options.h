#pragma once

#include <cstdint>
#include <optional>

#include "engine/engine_request.h"
#include "server/request_body.h"
#include "server/served_model.h"
#include "server/server_options.h"

namespace trinity {

// What both completions APIs ask for beside the prompt.
struct CompletionOptions {
  EngineRequest request;  // without its prompt
  bool streams = false;
  bool includes_usage = false;  // as a last event of a stream
  bool returns_token_ids = false;
};

// Throws ApiError or Error naming the field. A seed that is absent is chosen.
CompletionOptions ReadCompletionOptions(const RequestBody& body, const ServedModel& model,
                                        const ServerOptions& options);

}  // namespace trinity
