#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace trinity {

struct RawHttpResponse {
  int status = 0;
  std::string head;  // status line and headers
  std::string body;  // chunks joined
};

// A connection to a server at the loopback address, over which a test sends any bytes that it
// likes. Reads wait a minute at most and then return what there is.
class RawHttpClient {
 public:
  // `receive_buffer`: bytes that the kernel takes for a client that does not read.
  explicit RawHttpClient(int port, std::optional<int> receive_buffer = {});
  RawHttpClient(const RawHttpClient&) = delete;
  RawHttpClient& operator=(const RawHttpClient&) = delete;
  ~RawHttpClient();

  // False where the server does not take it any more.
  bool Send(std::string_view bytes) const;
  void EndSending() const;
  void Close();  // at once, with a reset where something was not read

  // Reads until `text` has come; false where the connection ends before.
  bool ReadUntil(std::string_view text);
  // One whole response; what follows it stays for the next call. status 0: none came.
  RawHttpResponse ReadResponse();
  // Takes what has come, without waiting.
  void ReadWhatIsThere();
  // Until so many bytes more have come; false where the connection ends before.
  bool ReadBytes(size_t num_bytes);
  // Whether something has come that no response had.
  bool has_unread() const;
  bool ReadEnd();  // whether the server closes, without anything more

  // A request with a JSON body.
  static std::string Post(std::string_view path, std::string_view body,
                          std::string_view more_headers = "");
  static std::string Get(std::string_view path, std::string_view more_headers = "");

 private:
  bool ReadMore();
  std::optional<std::string> TakeChunked(size_t begin);

  int socket_;
  std::string unread_;
};

// Sends one request over a connection of its own.
RawHttpResponse Exchange(int port, const std::string& request);

}  // namespace trinity
