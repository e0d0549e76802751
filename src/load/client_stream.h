#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace trinity {

// A connection to a server, over TCP with or without TLS. Callbacks come from the io_context;
// buffers must stay until then.
class ClientStream {
 public:
  using Endpoints = boost::asio::ip::tcp::resolver::results_type;
  using ErrorCode = boost::system::error_code;

  static std::unique_ptr<ClientStream> Plain(boost::asio::io_context& io);
  // The server has to show a certificate for `host` that `context` trusts.
  static std::unique_ptr<ClientStream> Tls(boost::asio::io_context& io,
                                           boost::asio::ssl::context& context,
                                           const std::string& host);

  ClientStream() = default;
  ClientStream(const ClientStream&) = delete;
  ClientStream& operator=(const ClientStream&) = delete;
  virtual ~ClientStream() = default;

  // What is not done by then fails with boost::beast::error::timeout.
  virtual void ExpireAt(std::chrono::steady_clock::time_point time) = 0;
  // To the first of the endpoints that answers, with the handshake of TLS.
  virtual void Connect(const Endpoints& endpoints, std::function<void(const ErrorCode&)> done) = 0;
  virtual void Read(std::span<char> buffer,
                    std::function<void(const ErrorCode&, size_t num_bytes)> done) = 0;
  virtual void Write(std::string_view bytes, std::function<void(const ErrorCode&)> done) = 0;
  virtual void Close() = 0;
};

}  // namespace trinity
