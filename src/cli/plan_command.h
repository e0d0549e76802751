#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity plan [MODEL|nano|mini|large]. Returns the exit code: 1 where the run does not fit.
int PlanCommand(CommandArguments arguments);

}  // namespace trinity
