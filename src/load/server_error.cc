#include "load/server_error.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace trinity {
namespace {

constexpr size_t kMostShownBytes = 300;

const Json& MemberOr(const Json& json, const char* key, const Json& otherwise) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  return found != json.end() && !found->is_null() ? *found : otherwise;
}

}  // namespace

std::string ServerErrorText(const Json& json) {
  const Json& error = MemberOr(json, "error", json);
  const Json& message = MemberOr(error, "message", error);
  return Printable(message.is_string() ? message.get<std::string>() : message.dump(),
                   kMostShownBytes);
}

std::string ServerErrorTextOfBody(std::string_view body) {
  try {
    return ServerErrorText(ParseJson(body, "body"));
  } catch (const Error&) {
    return Printable(body, kMostShownBytes);
  }
}

}  // namespace trinity
