#include "cli/json_text.h"

#include <nlohmann/json.hpp>

namespace trinity {

std::string JsonText(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace trinity
