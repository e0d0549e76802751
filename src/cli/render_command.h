#pragma once

#include "cli/command_line.h"

namespace trinity {

// trinity render: messages to the text of a prompt. Returns the exit code.
int RenderCommand(CommandArguments arguments);

}  // namespace trinity
