#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity perplexity: see its --help. Returns the exit code; throws Error.
int PerplexityCommand(CommandArguments arguments);

}  // namespace trinity
