#pragma once

#include <string>

#include "base/json.h"
#include "measure/machine.h"
#include "measure/roof.h"

namespace trinity {

// A machine and its roof as the commands that measure report them.
Json MachineJson(const Machine& machine, const Roof& roof);

// The roof in lines that begin with "roof".
std::string RoofText(const Roof& roof);

}  // namespace trinity
