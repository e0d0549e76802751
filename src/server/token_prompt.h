#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "server/served_model.h"
#include "tokenizer/tokenizer.h"

namespace trinity {

// The prompts of a field of type kPrompt: a text, token ids, or an array of either. Throws ApiError
// naming `field` where there is none, more than `max_prompts`, an empty one, or an id out of range.
std::vector<std::vector<int32_t>> ReadTokenPrompts(const char* field, const Json& value,
                                                   const ServedModel& model, SpecialTokens special,
                                                   int64_t max_prompts);

}  // namespace trinity
