#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace trinity {

// A connected socket, of TCP or Unix, with or without TLS. Callbacks come from the io_context that
// the socket belongs to. Buffers must stay until then.
class ByteStream {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  static std::unique_ptr<ByteStream> Plain(Socket socket);
  static std::unique_ptr<ByteStream> Tls(Socket socket, boost::asio::ssl::context& context);

  ByteStream() = default;
  ByteStream(const ByteStream&) = delete;
  ByteStream& operator=(const ByteStream&) = delete;
  virtual ~ByteStream() = default;

  virtual void Handshake(std::function<void(bool is_good)> done) = 0;
  // Reads some bytes; nothing: the other side has ended, or failed.
  virtual void Read(std::span<char> buffer,
                    std::function<void(std::optional<size_t> num_bytes)> done) = 0;
  // Writes all bytes.
  virtual void Write(std::string_view bytes, std::function<void(bool is_good)> done) = 0;
  // Nothing more will be written: the other side reads to the end of what was.
  virtual void EndWriting() = 0;
  virtual void Close() = 0;
};

}  // namespace trinity
