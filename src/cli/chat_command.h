#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity chat: see its --help. Returns the exit code; throws Error.
int ChatCommand(CommandArguments arguments);

}  // namespace trinity
