#include "load/http_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/beast/core/error.hpp>
#include <utility>

#include "load/http_response_reader.h"
#include "load/load_failure.h"

namespace trinity {
namespace {

namespace asio = boost::asio;
using ErrorCode = ClientStream::ErrorCode;

LoadFailure FailureOf(const ErrorCode& error, const std::string& while_doing) {
  if (error == boost::beast::error::timeout) {
    return {"timeout", fmt::format("{}: no answer in time", while_doing)};
  }
  return {error == asio::error::connection_refused ? "connection refused" : while_doing,
          fmt::format("{}: {}", while_doing, error.message())};
}

}  // namespace

// One connection, and the request that it carries.
class HttpClient::Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(HttpClient& client) : client_(client) {}

  void Carry(std::string request, std::shared_ptr<ResponseListener> listener) {
    request_ = std::move(request);
    listener_ = std::move(listener);
    deadline_ = std::chrono::steady_clock::now() +
                std::chrono::duration_cast<std::chrono::nanoseconds>(client_.options_.timeout);
    if (stream_) {
      is_reused_ = true;
      Write();
    } else {
      Connect();
    }
  }

  void Abort() {
    if (listener_) Finish(LoadFailure("interrupted", "the request was interrupted"));
  }

 private:
  void Connect() {
    is_reused_ = false;
    stream_ = client_.MakeStream();
    stream_->ExpireAt(deadline_);
    stream_->Connect(client_.endpoints_, [self = shared_from_this()](const ErrorCode& error) {
      if (!self->listener_) return;
      if (error) {
        self->Finish(FailureOf(error, "connecting"));
      } else {
        self->Write();
      }
    });
  }

  void Write() {
    reader_ = std::make_unique<HttpResponseReader>();
    has_told_head_ = false;
    has_input_ = false;
    stream_->ExpireAt(deadline_);
    stream_->Write(request_, [self = shared_from_this()](const ErrorCode& error) {
      if (!self->listener_) return;
      // A server may answer before it has read everything, and close: look what it says.
      if (error == boost::beast::error::timeout) {
        self->Finish(FailureOf(error, "sending"));
      } else {
        self->Read();
      }
    });
  }

  void Read() {
    stream_->Read(input_, [self = shared_from_this()](const ErrorCode& error, size_t num_bytes) {
      if (!self->listener_) return;
      // The server has closed a connection that it was asked to keep: it has not seen the request.
      if (error && self->is_reused_ && !self->has_input_ && error != boost::beast::error::timeout) {
        self->Connect();
        return;
      }
      self->OnRead(error, num_bytes);
    });
  }

  void OnRead(const ErrorCode& error, size_t num_bytes) {
    has_input_ = true;
    try {
      if (error == boost::beast::error::timeout) throw FailureOf(error, "reading");
      if (error) {
        // How a connection ends says little; what is missing says all.
        reader_->End();
      } else {
        reader_->Append({input_.data(), num_bytes});
      }
      Tell();
    } catch (const LoadFailure& failure) {
      Finish(failure);
      return;
    } catch (const Error& bad) {
      Finish(LoadFailure("bad answer", bad.what()));
      return;
    }
    if (reader_->is_complete()) {
      Finish({});
    } else {
      Read();
    }
  }

  // Hands on what has been read.
  void Tell() {
    if (!reader_->has_head()) return;
    if (!std::exchange(has_told_head_, true)) {
      listener_->OnHead(reader_->status(), reader_->content_type());
    }
    const std::string body = reader_->TakeBody();
    if (!body.empty()) listener_->OnBody(body);
  }

  void Finish(const std::optional<LoadFailure>& failure) {
    const std::shared_ptr<Connection> self = shared_from_this();
    if (!failure && reader_->keeps_alive()) {
      client_.idle_.push_back(self);
    } else if (stream_) {
      stream_->Close();
    }
    const auto is_this = [this](const auto& other) { return other.lock().get() == this; };
    client_.busy_.erase(std::remove_if(client_.busy_.begin(), client_.busy_.end(), is_this),
                        client_.busy_.end());
    // The listener may send the next request from here.
    std::exchange(listener_, nullptr)->OnEnd(failure ? &*failure : nullptr);
  }

  HttpClient& client_;
  std::unique_ptr<ClientStream> stream_;
  std::string request_;
  std::shared_ptr<ResponseListener> listener_;  // null: no request is in progress
  std::chrono::steady_clock::time_point deadline_;
  std::unique_ptr<HttpResponseReader> reader_;
  std::array<char, 16384> input_;
  bool is_reused_ = false;
  bool has_input_ = false;
  bool has_told_head_ = false;
};

HttpClient::HttpClient(asio::io_context& io, ServerUrl url, HttpClientOptions options)
    : io_(io), url_(std::move(url)), options_(std::move(options)) {
  ErrorCode error;
  if (url_.is_tls) {
    tls_.emplace(asio::ssl::context::tls_client);
    tls_->set_default_verify_paths(error);
    if (options_.ca_file) {
      tls_->load_verify_file(*options_.ca_file, error);
      if (error) Fail("--ca-file: {}: {}", Printable(*options_.ca_file, 1000), error.message());
    }
  }
  endpoints_ = asio::ip::tcp::resolver(io_).resolve(url_.host, url_.port, error);
  if (error) Fail("{}: {}", url_.ToText(), error.message());
}

HttpClient::~HttpClient() = default;

std::unique_ptr<ClientStream> HttpClient::MakeStream() {
  return tls_ ? ClientStream::Tls(io_, *tls_, url_.host) : ClientStream::Plain(io_);
}

std::string HttpClient::RenderRequest(const std::string& path, const std::string& body) const {
  std::string head = fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\n", body.empty() ? "GET" : "POST",
                                 url_.prefix, path, url_.Authority());
  if (options_.api_key) head += fmt::format("Authorization: Bearer {}\r\n", *options_.api_key);
  if (!body.empty()) {
    head += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  }
  return head + "\r\n" + body;
}

void HttpClient::Send(const std::string& path, const std::string& body,
                      std::shared_ptr<ResponseListener> listener) {
  std::shared_ptr<Connection> connection;
  if (idle_.empty()) {
    connection = std::make_shared<Connection>(*this);
  } else {
    connection = std::move(idle_.back());
    idle_.pop_back();
  }
  busy_.push_back(connection);
  connection->Carry(RenderRequest(path, body), std::move(listener));
}

void HttpClient::Abort() {
  const std::vector<std::weak_ptr<Connection>> busy = std::exchange(busy_, {});
  for (const std::weak_ptr<Connection>& weak : busy) {
    if (const std::shared_ptr<Connection> connection = weak.lock()) connection->Abort();
  }
}

}  // namespace trinity
