#include "generate/generator.h"

#include <optional>

namespace trinity {

GenerationResult Generate(Session& session, const GenerationRequest& request,
                          const TokenCallback& on_token, const CancelToken& cancel) {
  Generation generation(session, request);
  while (const std::optional<int32_t> id = generation.Next(cancel)) on_token(*id);
  return generation.TakeResult();
}

}  // namespace trinity
