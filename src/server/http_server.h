#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "server/http_exchange.h"
#include "server/http_limits.h"

namespace trinity {

// Where a server listens.
struct HttpAddress {
  std::string host = "127.0.0.1";             // a numeric address
  uint16_t port = 8080;                       // 0: any that is free
  std::optional<std::string> unix_path = {};  // a Unix socket instead of host and port
  // PEM files; both or none.
  std::optional<std::string> tls_certificate = {};
  std::optional<std::string> tls_key = {};
};

// Accepts connections and hands their requests to a handler. One thread, that of Run, does all
// input and output, and waits for nothing else.
class HttpServer {
 public:
  // Listens already: clients may connect before Run. Throws Error where the address is taken or
  // none, or a file of TLS cannot be read.
  HttpServer(const HttpAddress& address, const HttpLimits& limits, HttpHandler handler);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  // "http://127.0.0.1:8080", with the port that was chosen.
  const std::string& url() const;

  // `on_signal` is called by Run's thread for each SIGTERM and SIGINT, with their number so far.
  void CatchSignals(std::function<void(int num_signals)> on_signal);

  // Until all connections are closed after Drain or Abort.
  void Run();

  // These may be called from any thread.
  // Accepts nobody any more, and closes each connection once its request is answered.
  void Drain();
  // Closes all connections at once.
  void Abort();
  int64_t num_connections() const;

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace trinity
