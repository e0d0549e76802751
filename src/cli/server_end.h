#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "cli/kept_prefixes.h"
#include "engine/engine.h"
#include "server/http_server.h"

namespace trinity {

// How a server comes to its end, by a signal or because its engine has failed: nobody new is let
// in, running answers end, or hear why they do not, and when that has been sent HttpServer::Run
// returns.
class ServerEnd {
 public:
  // All of it must outlive this. `timeout_s`: for answers that run when the signal comes.
  ServerEnd(HttpServer& http, Engine& engine, const KeptPrefixes& prefixes, double timeout_s);
  ServerEnd(const ServerEnd&) = delete;
  ServerEnd& operator=(const ServerEnd&) = delete;
  ~ServerEnd() { Finish(); }

  // Stops the engine, after HttpServer::Run. Returns why it failed; absent: it did not.
  std::optional<std::string> Finish();

 private:
  void OnSignal(int num_signals);
  void OnFailure(const std::string& reason);
  // What the thread does.
  void AwaitEnd();
  void EndAfterSignal();
  void EndAfterFailure();
  // When what is to be sent has been sent, at most after `patience`.
  void CloseConnections(std::chrono::duration<double> patience);

  HttpServer& http_;
  Engine& engine_;
  const KeptPrefixes& prefixes_;
  const std::chrono::duration<double> timeout_;

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by the mutex.
  bool is_signalled_ = false;
  bool is_over_ = false;
  std::optional<std::string> failure_;

  std::thread thread_;
};

}  // namespace trinity
