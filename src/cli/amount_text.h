#pragma once

#include <cstdint>
#include <string>

namespace trinity {

// Numbers for people to read.
std::string ByteText(int64_t num_bytes);  // "12.24 GB", "934 bytes"
std::string DigitGroups(int64_t value);   // "6,120,003,328"

}  // namespace trinity
