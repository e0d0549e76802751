#pragma once

#include <string>

namespace trinity {

// Version, compiler and SIMD target, one a line.
std::string VersionText();

}  // namespace trinity
