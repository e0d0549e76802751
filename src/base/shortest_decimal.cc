#include "base/shortest_decimal.h"

#include <fmt/format.h>

#include <cstdlib>

namespace trinity {

double ShortestDecimal(double number) {
  const auto narrow = static_cast<float>(number);
  if (static_cast<double>(narrow) != number) return number;
  return std::strtod(fmt::format("{}", narrow).c_str(), nullptr);
}

}  // namespace trinity
