#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity inspect: see its --help. Returns the exit code; throws Error.
int InspectCommand(CommandArguments arguments);

}  // namespace trinity
