#include "checkpoint/gguf_integer.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace trinity {

int64_t GgufInteger(const Json& value, int64_t highest, const std::string& place) {
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() ||
                     value.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()});
  const int64_t number = fits ? value.get<int64_t>() : -1;
  if (number < 0 || number > highest) {
    Fail("{}: expected an integer from 0 to {}, found {}", place, highest,
         Printable(value.dump(-1, ' ', false, Json::error_handler_t::replace)));
  }
  return number;
}

}  // namespace trinity
