#pragma once

#include <functional>
#include <optional>
#include <string>
#include <thread>

namespace trinity {

// A server at the loopback address that answers each request with whatever bytes the test likes,
// and then closes the connection. One connection at a time.
class ScriptedServer {
 public:
  // What to answer to a request, of which it is given the first line ("POST /v1/completions
  // HTTP/1.1"). Nothing: no answer, until the client goes.
  using Script = std::function<std::optional<std::string>(const std::string& request_line)>;

  explicit ScriptedServer(Script script);
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;
  ~ScriptedServer();

  const std::string& url() const { return url_; }

 private:
  void Serve();
  void Answer(int client);

  Script script_;
  int listener_;
  std::string url_;
  std::thread thread_;
};

}  // namespace trinity
