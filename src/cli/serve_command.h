#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity serve: answers the OpenAI API over HTTP.
int ServeCommand(CommandArguments arguments);

}  // namespace trinity
