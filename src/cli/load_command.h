#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity load: see its --help. Returns the exit code; throws Error.
int LoadCommand(CommandArguments arguments);

}  // namespace trinity
