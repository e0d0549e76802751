#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trinity {

// Fields in the order in which they stand. Names compare without regard to case.
using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

// Of ASCII letters.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

// The value of the first header of this name; empty: there is none, or it is empty.
std::string_view FindHeader(const HttpHeaders& headers, std::string_view name);

struct HttpRequest {
  std::string method;  // "POST"
  std::string path;    // "/v1/models": the target up to its "?"
  HttpHeaders headers;
  std::string body;
  std::string peer;  // address of the client, for the log
  bool keeps_alive = true;
  bool is_http_1_0 = false;
};

struct HttpResponse {
  int status = 200;
  // Without what the server itself writes: Content-Length, Transfer-Encoding, Connection.
  HttpHeaders headers = {};
  std::string body = {};
};

// "Not Found" for 404.
std::string_view ReasonPhrase(int status);

// Status line and headers with the empty line that ends them.
std::string RenderHead(const HttpResponse& response, const HttpHeaders& more_headers);

}  // namespace trinity
