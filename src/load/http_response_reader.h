#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace trinity {

// Cuts the bytes of a connection into the head and the body of one HTTP/1.x response; chunks of the
// body are joined. Throws LoadFailure ("not HTTP", "connection closed") for what is none.
class HttpResponseReader {
 public:
  HttpResponseReader();
  HttpResponseReader(const HttpResponseReader&) = delete;
  HttpResponseReader& operator=(const HttpResponseReader&) = delete;
  ~HttpResponseReader();

  // Takes bytes as they come.
  void Append(std::string_view bytes);
  // The connection has ended: so has a body without a length.
  void End();

  bool has_head() const;
  bool is_complete() const;
  // These are known from has_head on.
  int status() const;
  std::string content_type() const;
  // Whether the connection can take another request once the response is complete.
  bool keeps_alive() const;

  // What has come of the body since the last call.
  std::string TakeBody();

 private:
  struct Parser;

  std::unique_ptr<Parser> parser_;
  std::string waiting_;
};

}  // namespace trinity
