#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity run: see its --help. Returns the exit code; throws Error.
int RunCommand(CommandArguments arguments);

}  // namespace trinity
