#pragma once

#include <cstdint>
#include <functional>

#include "generate/generation.h"

namespace trinity {

// Called with each id as it is picked, before the next is computed.
using TokenCallback = std::function<void(int32_t id)>;

// A whole Generation: appends the prompt to `session`, then picks and appends tokens until
// something ends it.
GenerationResult Generate(Session& session, const GenerationRequest& request,
                          const TokenCallback& on_token, const CancelToken& cancel);

}  // namespace trinity
