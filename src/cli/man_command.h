#pragma once

#include "cli/command_description.h"
#include "cli/command_line.h"

namespace trinity {

// trinity man: the manual page trinity(1), as roff.
int ManCommand(CommandArguments arguments, ProgramDescription (*describe)());

}  // namespace trinity
