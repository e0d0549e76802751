#include "cli/command_description.h"

#include <algorithm>
#include <array>

namespace trinity {

bool ArgumentDescription::TakesPath() const {
  static constexpr std::array<std::string_view, 7> kPaths = {"PATH", "FILE", "FOLDER", "MODEL",
                                                             "SRC",  "DST",  "GOLDEN"};
  const std::string_view kind = IsPositional() ? std::string_view(names[0]) : placeholder;
  return std::find(kPaths.begin(), kPaths.end(), kind) != kPaths.end();
}

}  // namespace trinity
