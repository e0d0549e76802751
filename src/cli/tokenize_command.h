#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity tokenize: see its --help. Returns the exit code; throws Error.
int TokenizeCommand(CommandArguments arguments);

}  // namespace trinity
