#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity quantize: see its --help. Returns the exit code; throws Error.
int QuantizeCommand(CommandArguments arguments);

}  // namespace trinity
