#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity verify: see its --help. Returns the exit code; throws Error.
int VerifyCommand(CommandArguments arguments);

}  // namespace trinity
