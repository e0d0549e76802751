#include "server/api_call.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_text.h"

namespace trinity {
namespace {

constexpr size_t kMaxWarningBytes = 500;

std::string Joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// A quoted-string of RFC 9110, what is not ASCII as in URLs.
std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte > '~') {
      quoted += fmt::format("%{:02X}", byte);
    } else {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
    }
  }
  return quoted + '"';
}

bool IsJson(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find_first_of("; \t"));
  return EqualsIgnoringCase(type, "application/json");
}

}  // namespace

void ApiCall::CheckModel(const std::string& name) const {
  const auto& aliases = model.aliases;
  if (name == model.id || std::find(aliases.begin(), aliases.end(), name) != aliases.end()) return;
  std::vector<std::string> served = {model.id};
  served.insert(served.end(), aliases.begin(), aliases.end());
  throw ApiError(404,
                 fmt::format("model: expected one of those that are served ({}), found \"{}\"",
                             Joined(served), Printable(name)),
                 "model", "model_not_found");
}

RequestBody ApiCall::ReadBody(std::span<const RequestField> fields) {
  const HttpRequest& request = exchange->request();
  // A browser sends other types to any server, without asking and in the name of its user.
  if (!IsJson(FindHeader(request.headers, "Content-Type"))) {
    throw ApiError(415, "expected the header Content-Type: application/json");
  }
  const std::string_view coding = FindHeader(request.headers, "Content-Encoding");
  if (!coding.empty() && !EqualsIgnoringCase(coding, "identity")) {
    throw ApiError(415,
                   fmt::format("Content-Encoding: expected none, found {}", Printable(coding)));
  }
  RequestBody body = RequestBody::Parse(request.body, options.Limited(fields),
                                        options.unknown_fields, options.max_nesting);
  if (!body.unknown_fields().empty()) {
    std::string names = Joined(body.unknown_fields());
    if (names.size() > kMaxWarningBytes) names = Printable(names, kMaxWarningBytes);
    headers.emplace_back("Warning", "299 trinity " + Quoted("ignored fields: " + names));
  }
  CheckModel(ModelName(body));
  return body;
}

std::string ApiCall::ModelName(const RequestBody& body) const {
  return body.FindText("model").value_or(model.id);
}

void ApiCall::Respond(HttpResponse response) const {
  response.headers.insert(response.headers.end(), headers.begin(), headers.end());
  exchange->Respond(std::move(response));
}

void ApiCall::RespondJson(const Json& json) const {
  Respond({200, {{"Content-Type", "application/json"}}, JsonText(json)});
}

void ApiCall::RespondError(const ApiError& error) const {
  record->Update([&](RequestRecord::Facts& facts) { facts.finish = error.what(); });
  Respond(ErrorResponse(error));
}

}  // namespace trinity
