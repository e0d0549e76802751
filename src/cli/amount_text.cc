#include "cli/amount_text.h"

#include <fmt/format.h>

#include <array>

namespace trinity {

std::string ByteText(int64_t num_bytes) {
  struct Unit {
    double bytes;
    const char* name;
  };
  constexpr std::array<Unit, 4> kUnits = {{{1e12, "TB"}, {1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}}};
  const auto bytes = static_cast<double>(num_bytes);
  for (const Unit& unit : kUnits) {
    if (bytes >= unit.bytes) return fmt::format("{:.2f} {}", bytes / unit.bytes, unit.name);
  }
  return fmt::format("{} bytes", num_bytes);
}

std::string DigitGroups(int64_t value) {
  std::string digits = fmt::format("{}", value);
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<size_t>(at), 1, ',');
  }
  return digits;
}

}  // namespace trinity
