#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace trinity {

// Values as people write them on a command line. Each function takes the whole text or throws
// UsageError: `flag`, what is expected, what was found. Numbers are decimal: no octal, no
// hexadecimal, no blanks, no wrapping around, no nan or infinity.

int64_t ParseIntegerFlag(std::string_view flag, std::string_view text, int64_t lowest,
                         int64_t highest);
// Such integers, separated by commas; at least one.
std::vector<int64_t> ParseIntegersFlag(std::string_view flag, std::string_view text, int64_t lowest,
                                       int64_t highest);
uint64_t ParseSeedFlag(std::string_view flag, std::string_view text);
double ParseNumberFlag(std::string_view flag, std::string_view text, double lowest, double highest);

// Bytes: "24GiB", "512 MB", "24e9"; units of 1000 (kB, MB, GB, TB) or 1024 (KiB, MiB, GiB, TiB).
int64_t ParseBytesFlag(std::string_view flag, std::string_view text);

// Token ids, separated by commas or white space, with or without brackets around them. At least
// one. `origin` is a flag or a file.
std::vector<int32_t> ParseTokenIds(std::string_view origin, std::string_view text);

}  // namespace trinity
