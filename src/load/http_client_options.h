#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace trinity {

struct HttpClientOptions {
  std::optional<std::string> api_key = {};
  // PEM: who is trusted to sign the server's certificate, beside those of the system.
  std::optional<std::string> ca_file = {};
  // For one request, from connecting to the end of its answer.
  std::chrono::duration<double> timeout{600};
};

}  // namespace trinity
