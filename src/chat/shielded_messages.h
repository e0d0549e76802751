#pragma once

#include "base/json.h"
#include "tokenizer/user_text.h"

namespace trinity {

// `messages` of a chat, an array of objects, in which special tokens that anyone but the assistant
// spells will stay text: contents, and the texts of their parts.
Json ShieldMessages(const Json& messages, const UserText& user_text);

}  // namespace trinity
