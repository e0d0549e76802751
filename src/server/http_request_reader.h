#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "server/http_message.h"

namespace trinity {

// Cuts the bytes of a connection into HTTP/1.x requests.
class HttpRequestReader {
 public:
  struct Limits {
    size_t header_bytes = size_t{16} << 10;
    size_t body_bytes = size_t{8} << 20;
  };
  enum class State {
    kNothing,   // no byte of a request yet
    kInHeader,  // the header is not complete
    kInBody,    // the header is complete, the body is not
    kComplete,  // TakeRequest
    kBad,       // error_status, error_message; nothing more can be read from here
  };

  explicit HttpRequestReader(const Limits& limits);
  HttpRequestReader(const HttpRequestReader&) = delete;
  HttpRequestReader& operator=(const HttpRequestReader&) = delete;
  ~HttpRequestReader();

  // Takes bytes as they come. Those behind the end of a request are kept for the next one.
  State Append(std::string_view bytes);
  State state() const { return state_; }
  // Bytes that were not parsed yet.
  size_t num_waiting_bytes() const { return waiting_.size(); }

  // The complete request. What was read behind it is parsed at once: see state().
  HttpRequest TakeRequest();

  // Whether the client waits for "100 Continue" before it sends the body. Asks once.
  bool TakeExpectation();

  int error_status() const { return error_status_; }  // 400, 413 or 431
  const std::string& error_message() const { return error_message_; }

 private:
  struct Parser;

  void Parse();
  void Begin();

  Limits limits_;
  std::unique_ptr<Parser> parser_;
  std::string waiting_;
  State state_ = State::kNothing;
  bool has_asked_expectation_ = false;
  int error_status_ = 400;
  std::string error_message_;
};

}  // namespace trinity
