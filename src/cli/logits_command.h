#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity logits: see its --help. Returns the exit code; throws Error.
int LogitsCommand(CommandArguments arguments);

}  // namespace trinity
