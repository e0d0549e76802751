#include "server/byte_stream.h"

#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace trinity {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;

void CloseSocket(ByteStream::Socket& socket) {
  ErrorCode ignored;
  socket.close(ignored);
}

void EndSending(ByteStream::Socket& socket) {
  ErrorCode ignored;
  socket.shutdown(ByteStream::Socket::shutdown_send, ignored);
}

// What both kinds do in the same way.
template <class Stream>
void ReadFrom(Stream& stream, std::span<char> buffer,
              std::function<void(std::optional<size_t>)> done) {
  stream.async_read_some(asio::buffer(buffer.data(), buffer.size()),
                         [done = std::move(done)](const ErrorCode& error, size_t num_bytes) {
                           done(error ? std::nullopt : std::optional<size_t>(num_bytes));
                         });
}

template <class Stream>
void WriteTo(Stream& stream, std::string_view bytes, std::function<void(bool)> done) {
  asio::async_write(stream, asio::buffer(bytes.data(), bytes.size()),
                    [done = std::move(done)](const ErrorCode& error, size_t) { done(!error); });
}

class PlainStream : public ByteStream {
 public:
  explicit PlainStream(Socket socket) : socket_(std::move(socket)) {}

  void Handshake(std::function<void(bool)> done) override { done(true); }
  void Read(std::span<char> buffer, std::function<void(std::optional<size_t>)> done) override {
    ReadFrom(socket_, buffer, std::move(done));
  }
  void Write(std::string_view bytes, std::function<void(bool)> done) override {
    WriteTo(socket_, bytes, std::move(done));
  }
  void EndWriting() override { EndSending(socket_); }
  void Close() override { CloseSocket(socket_); }

 private:
  Socket socket_;
};

class TlsStream : public ByteStream {
 public:
  TlsStream(Socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

  void Handshake(std::function<void(bool)> done) override {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [done = std::move(done)](const ErrorCode& error) { done(!error); });
  }
  void Read(std::span<char> buffer, std::function<void(std::optional<size_t>)> done) override {
    ReadFrom(stream_, buffer, std::move(done));
  }
  void Write(std::string_view bytes, std::function<void(bool)> done) override {
    WriteTo(stream_, bytes, std::move(done));
  }
  // The length of an HTTP message says where it ends, so TLS's own farewell is left out: waiting
  // for it would need a time limit of its own.
  void EndWriting() override { EndSending(stream_.next_layer()); }
  void Close() override { CloseSocket(stream_.next_layer()); }

 private:
  asio::ssl::stream<Socket> stream_;
};

}  // namespace

std::unique_ptr<ByteStream> ByteStream::Plain(Socket socket) {
  return std::make_unique<PlainStream>(std::move(socket));
}

std::unique_ptr<ByteStream> ByteStream::Tls(Socket socket, asio::ssl::context& context) {
  return std::make_unique<TlsStream>(std::move(socket), context);
}

}  // namespace trinity
