#pragma once

#include "cli/command_description.h"
#include "cli/command_line.h"

namespace trinity {

// trinity completion: the scripts by which shells complete this program's command lines.
int CompletionCommand(CommandArguments arguments, ProgramDescription (*describe)());

}  // namespace trinity
