#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity convert: see its --help. Returns the exit code; throws Error.
int ConvertCommand(CommandArguments arguments);

}  // namespace trinity
