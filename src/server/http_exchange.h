#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "server/http_message.h"

namespace trinity {

// How an exchange ended.
struct HttpOutcome {
  int status = 0;  // 0: nothing was answered
  int64_t sent_bytes = 0;
  double seconds = 0;        // since the request had been read
  bool is_complete = false;  // the client has got all of it, as far as the kernel tells
};

// One request, and the way to answer it: either Respond, or BeginStream, Write ... and EndStream.
// All functions may be called from any thread and wait for nothing. What is written after the
// client has gone goes nowhere.
class HttpExchange {
 public:
  HttpExchange() = default;
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;
  virtual ~HttpExchange() = default;

  virtual const HttpRequest& request() const = 0;

  virtual void Respond(HttpResponse response) = 0;

  // `head` has no body. `heartbeat` is sent whenever nothing else was for some time.
  virtual void BeginStream(HttpResponse head, std::string heartbeat) = 0;
  virtual void Write(std::string text) = 0;
  virtual void EndStream() = 0;

  // `callback` is called, by the thread of the connections, once the client has gone or has
  // closed its sending side, unless the answer was complete before; at most once, as are others.
  virtual void OnDisconnect(std::function<void()> callback) = 0;
  // `callback` is called there too, when everything is over.
  virtual void OnFinished(std::function<void(const HttpOutcome&)> callback) = 0;
};

using HttpHandler = std::function<void(std::shared_ptr<HttpExchange>)>;

}  // namespace trinity
