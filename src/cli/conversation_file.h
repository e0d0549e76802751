#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace trinity {

// Writes {"messages": [...]}; the file appears under its name when it is complete. Throws
// StorageError.
void SaveConversation(const std::string& path, const Json& messages);

// The messages of such a file: at most one of the system, first; then pairs of user and assistant;
// contents are texts. Throws Error for anything else, by its place.
Json LoadConversation(const std::string& path);

// As LoadConversation; `origin` stands in messages.
Json ParseConversation(std::string_view text, std::string_view origin);

}  // namespace trinity
