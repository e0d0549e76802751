#pragma once

#include <string_view>

#include "server/http_message.h"

namespace trinity {

// Beside "/" the paths of the page for people begin with this.
inline constexpr std::string_view kPagePrefix = "/page/";

// The file of the page that `request` asks for, or 304 where the client has it already. Throws
// ApiError (404) where there is no such file.
HttpResponse AnswerPage(const HttpRequest& request);

}  // namespace trinity
