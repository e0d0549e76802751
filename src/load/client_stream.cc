#include "load/client_stream.h"

#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <type_traits>
#include <utility>

namespace trinity {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;

using PlainStream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

template <class Stream>
class StreamOver : public ClientStream {
 public:
  template <class... Args>
  explicit StreamOver(Args&&... args) : stream_(std::forward<Args>(args)...) {}

  Stream& stream() { return stream_; }

  void ExpireAt(std::chrono::steady_clock::time_point time) override { Tcp().expires_at(time); }

  void Connect(const Endpoints& endpoints, std::function<void(const ErrorCode&)> done) override {
    Tcp().async_connect(
        endpoints, [this, done = std::move(done)](const ErrorCode& error,
                                                  const asio::ip::tcp::endpoint&) mutable {
          if (error) {
            done(error);
            return;
          }
          // Requests are written whole: waiting for more of them gains nothing.
          ErrorCode ignored;
          Tcp().socket().set_option(asio::ip::tcp::no_delay(true), ignored);
          if constexpr (std::is_same_v<Stream, TlsStream>) {
            stream_.async_handshake(asio::ssl::stream_base::client, std::move(done));
          } else {
            done({});
          }
        });
  }

  void Read(std::span<char> buffer, std::function<void(const ErrorCode&, size_t)> done) override {
    stream_.async_read_some(asio::buffer(buffer.data(), buffer.size()), std::move(done));
  }

  void Write(std::string_view bytes, std::function<void(const ErrorCode&)> done) override {
    asio::async_write(stream_, asio::buffer(bytes.data(), bytes.size()),
                      [done = std::move(done)](const ErrorCode& error, size_t) { done(error); });
  }

  void Close() override { Tcp().close(); }

 private:
  beast::tcp_stream& Tcp() { return beast::get_lowest_layer(stream_); }

  Stream stream_;
};

}  // namespace

std::unique_ptr<ClientStream> ClientStream::Plain(asio::io_context& io) {
  return std::make_unique<StreamOver<PlainStream>>(io);
}

std::unique_ptr<ClientStream> ClientStream::Tls(asio::io_context& io, asio::ssl::context& context,
                                                const std::string& host) {
  auto made = std::make_unique<StreamOver<TlsStream>>(io, context);
  made->stream().set_verify_mode(asio::ssl::verify_peer);
  made->stream().set_verify_callback(asio::ssl::host_name_verification(host));
  // A server with several names answers with the certificate of this one.
  SSL_set_tlsext_host_name(made->stream().native_handle(), host.c_str());
  return made;
}

}  // namespace trinity
