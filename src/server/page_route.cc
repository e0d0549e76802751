#include "server/page_route.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "server/api_error.h"
#include "server/page_file.h"

namespace trinity {
namespace {

// Scripts and styles come from this server alone, nothing else is asked, and no text becomes
// markup: with trusted types and no policy for them, assigning to innerHTML throws.
constexpr const char* kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'";

const PageFile& PageFileAt(std::string_view path) {
  const std::span<const PageFile> files = PageFiles();
  const auto file = std::find_if(files.begin(), files.end(),
                                 [&](const PageFile& one) { return one.path == path; });
  if (file == files.end()) {
    throw ApiError(404, fmt::format("no such path: {}", Printable(path)), {}, "not_found");
  }
  return *file;
}

// `condition`: If-None-Match, a list of tags or "*". Weak tags name the same content (RFC 9110,
// 13.1.2). No tag of ours holds a comma or stands within another.
bool IsNamedBy(std::string_view etag, std::string_view condition) {
  return condition == "*" || condition.find(etag) != condition.npos;
}

}  // namespace

HttpResponse AnswerPage(const HttpRequest& request) {
  const PageFile& file = PageFileAt(request.path);
  HttpResponse response;
  response.headers = {{"Content-Type", std::string(file.content_type)},
                      {"ETag", std::string(file.etag)},
                      {"Cache-Control", "no-cache"},
                      {"Content-Security-Policy", kContentSecurityPolicy},
                      {"X-Content-Type-Options", "nosniff"},
                      {"Referrer-Policy", "no-referrer"},
                      {"Cross-Origin-Opener-Policy", "same-origin"},
                      {"Cross-Origin-Resource-Policy", "same-origin"}};
  if (IsNamedBy(file.etag, FindHeader(request.headers, "If-None-Match"))) {
    response.status = 304;
  } else {
    response.body = file.content;
  }
  return response;
}

}  // namespace trinity
