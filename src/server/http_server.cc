#include "server/http_server.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <filesystem>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "server/http_connection.h"

namespace trinity {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
using Endpoint = asio::generic::stream_protocol::endpoint;

// How long to wait where the process has no file descriptor left for another client.
constexpr std::chrono::milliseconds kAcceptPause{100};

void Check(const ErrorCode& error, const std::string& what) {
  if (error) Fail("{}: {}", what, error.message());
}

// Connections beyond the limit that are told so at the same time.
constexpr int64_t kMostRefused = 64;

constexpr int kSendBufferBytes = 256 << 10;

// The address of a client, for the log.
std::string PeerOf(const ByteStream::Socket& socket) {
  ErrorCode error;
  const Endpoint endpoint = socket.remote_endpoint(error);
  if (error) return "unknown";
  const int family = endpoint.protocol().family();
  if (family != AF_INET && family != AF_INET6) return "unix";
  asio::ip::tcp::endpoint ip;
  ip.resize(endpoint.size());
  std::copy_n(reinterpret_cast<const char*>(endpoint.data()), endpoint.size(),
              reinterpret_cast<char*>(ip.data()));
  return fmt::format("{}:{}", ip.address().to_string(), ip.port());
}

}  // namespace

class HttpServer::Parts {
 public:
  Parts(const HttpAddress& address, const HttpLimits& limits, HttpHandler handler)
      : acceptor_(io_),
        accept_timer_(io_),
        signals_(io_),
        context_{io_, limits, std::move(handler),
                 [this](HttpConnection* connection) { OnClosed(connection); }} {
    if (address.tls_certificate) UseTls(*address.tls_certificate, address.tls_key.value_or(""));
    if (address.unix_path) {
      ListenOnPath(*address.unix_path);
    } else {
      ListenOnPort(address);
    }
    Accept();
  }

  ~Parts() {
    // What still waits may hold connections, which hold what is destroyed here.
    for (const std::shared_ptr<HttpConnection>& connection : Connections()) connection->Abort();
    acceptor_.close();
    io_.restart();
    io_.poll();
    RemovePath();
  }

  void CatchSignals(std::function<void(int)> on_signal) {
    signals_.add(SIGTERM);
    signals_.add(SIGINT);
    on_signal_ = std::move(on_signal);
    AwaitSignal();
  }

  void Run() { io_.run(); }

  void Drain() {
    asio::post(io_, [this] {
      StopAccepting();
      for (const auto& connection : Connections()) connection->Drain();
      EndWhenEmpty();
    });
  }

  void Abort() {
    asio::post(io_, [this] {
      StopAccepting();
      for (const auto& connection : Connections()) connection->Abort();
      EndWhenEmpty();
    });
  }

  const std::string& url() const { return url_; }
  int64_t num_connections() const { return num_connections_.load(std::memory_order_relaxed); }

 private:
  using TlsContext = asio::ssl::context;

  void UseTls(const std::string& certificate, const std::string& key) {
    tls_.emplace(TlsContext::tls_server);
    tls_->set_options(TlsContext::default_workarounds | TlsContext::no_tlsv1 |
                      TlsContext::no_tlsv1_1);
    ErrorCode error;
    tls_->use_certificate_chain_file(certificate, error);
    Check(error, fmt::format("--tls-cert: {}", Printable(certificate, 1000)));
    tls_->use_private_key_file(key, TlsContext::pem, error);
    Check(error, fmt::format("--tls-key: {}", Printable(key, 1000)));
  }

  void ListenOnPort(const HttpAddress& address) {
    ErrorCode error;
    const asio::ip::address ip = asio::ip::make_address(address.host, error);
    if (error)
      Fail("expected a numeric address to listen at, found \"{}\"", Printable(address.host));
    const asio::ip::tcp::endpoint endpoint(ip, address.port);
    const std::string what = fmt::format("listening at {}:{}", address.host, address.port);
    acceptor_.open(endpoint.protocol(), error);
    Check(error, what);
    acceptor_.set_option(asio::socket_base::reuse_address(true));
    acceptor_.bind(endpoint, error);
    Check(error, what);
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
    Check(error, what);
    asio::ip::tcp::endpoint bound;
    const Endpoint local = acceptor_.local_endpoint();
    std::copy_n(reinterpret_cast<const char*>(local.data()), local.size(),
                reinterpret_cast<char*>(bound.data()));
    const std::string shown = ip.is_v6() ? fmt::format("[{}]", ip.to_string()) : ip.to_string();
    url_ = fmt::format("{}://{}:{}", tls_ ? "https" : "http", shown, bound.port());
  }

  void ListenOnPath(const std::string& path) {
    const std::string what = fmt::format("listening at {}", Printable(path, 1000));
    ErrorCode error;
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
      Fail("{}: expected a path of at most {} bytes", what, sizeof(sockaddr_un::sun_path) - 1);
    }
    // A socket that a server left behind is in the way, any other file is not ours.
    if (std::filesystem::is_socket(path)) {
      asio::local::stream_protocol::socket probe(io_);
      probe.connect(path, error);
      if (!error) Fail("{}: another server listens there", what);
      std::filesystem::remove(path);
    }
    acceptor_.open(asio::local::stream_protocol(), error);
    Check(error, what);
    acceptor_.bind(asio::local::stream_protocol::endpoint(path), error);
    Check(error, what);
    path_ = path;
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
    Check(error, what);
    url_ = fmt::format("{}+unix:{}", tls_ ? "https" : "http", path);
  }

  void Accept() {
    acceptor_.async_accept([this](const ErrorCode& error, ByteStream::Socket socket) {
      if (!acceptor_.is_open()) return;
      if (error) {
        accept_timer_.expires_after(kAcceptPause);
        accept_timer_.async_wait([this](const ErrorCode& stopped) {
          if (!stopped && acceptor_.is_open()) Accept();
        });
        return;
      }
      Take(std::move(socket));
      Accept();
    });
  }

  void Take(ByteStream::Socket socket) {
    std::string peer = PeerOf(socket);
    ErrorCode ignored;
    // Events of a stream are small, and each shall leave at once. Unix sockets have no such option.
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    // What the kernel holds for a client who does not read is no longer seen here.
    socket.set_option(asio::socket_base::send_buffer_size(kSendBufferBytes), ignored);
    const auto num_open = static_cast<int64_t>(connections_.size());
    const bool is_full = num_open >= context_.limits.num_connections;
    // A refusal is a courtesy: not before a handshake, and not to any number of clients.
    if (is_full && (tls_ || num_open >= context_.limits.num_connections + kMostRefused)) return;
    auto stream =
        tls_ ? ByteStream::Tls(std::move(socket), *tls_) : ByteStream::Plain(std::move(socket));
    auto connection =
        std::make_shared<HttpConnection>(context_, std::move(stream), std::move(peer));
    connections_.insert(connection);
    num_connections_ = static_cast<int64_t>(connections_.size());
    if (is_full) {
      connection->Refuse(503, fmt::format("expected at most {} connections at a time",
                                          context_.limits.num_connections));
    } else {
      connection->Start();
    }
  }

  void OnClosed(HttpConnection* connection) {
    connections_.erase(connection->shared_from_this());
    num_connections_ = static_cast<int64_t>(connections_.size());
    EndWhenEmpty();
  }

  void AwaitSignal() {
    signals_.async_wait([this](const ErrorCode& error, int) {
      if (error) return;
      on_signal_(++num_signals_);
      AwaitSignal();
    });
  }

  void StopAccepting() {
    ErrorCode ignored;
    acceptor_.close(ignored);
    accept_timer_.cancel();
    RemovePath();
  }

  void EndWhenEmpty() {
    if (!acceptor_.is_open() && connections_.empty()) io_.stop();
  }

  void RemovePath() {
    if (path_.empty()) return;
    unlink(path_.c_str());
    path_.clear();
  }

  // A copy: what is done to them changes the set.
  std::vector<std::shared_ptr<HttpConnection>> Connections() const {
    return {connections_.begin(), connections_.end()};
  }

  asio::io_context io_{1};
  std::optional<TlsContext> tls_;
  Acceptor acceptor_;
  asio::steady_timer accept_timer_;
  asio::signal_set signals_;
  HttpConnection::Context context_;
  std::unordered_set<std::shared_ptr<HttpConnection>> connections_;
  std::atomic<int64_t> num_connections_{0};
  std::function<void(int)> on_signal_;
  int num_signals_ = 0;
  std::string url_;
  std::string path_;  // of our Unix socket
};

HttpServer::HttpServer(const HttpAddress& address, const HttpLimits& limits, HttpHandler handler)
    : parts_(std::make_unique<Parts>(address, limits, std::move(handler))) {}

HttpServer::~HttpServer() = default;

const std::string& HttpServer::url() const { return parts_->url(); }
void HttpServer::CatchSignals(std::function<void(int)> on_signal) {
  parts_->CatchSignals(std::move(on_signal));
}
void HttpServer::Run() { parts_->Run(); }
void HttpServer::Drain() { parts_->Drain(); }
void HttpServer::Abort() { parts_->Abort(); }
int64_t HttpServer::num_connections() const { return parts_->num_connections(); }

}  // namespace trinity
