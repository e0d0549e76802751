#pragma once

#include <string>

namespace trinity {

// What the linker has called the program that runs: another text wherever code or build options
// differ. "unknown" where it has not named it.
std::string BuildId();

}  // namespace trinity
