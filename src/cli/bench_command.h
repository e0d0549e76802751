#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity bench: see its --help. Returns the exit code; throws Error.
int BenchCommand(CommandArguments arguments);

}  // namespace trinity
