#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "server/byte_stream.h"
#include "server/http_exchange.h"
#include "server/http_limits.h"
#include "server/http_request_reader.h"

namespace trinity {

// One client: its requests one after the other, each answered before the next one is looked at.
// Belongs to the thread of the io_context; everything but the exchanges is called there only.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  // What all connections of a server share. Must outlive them.
  struct Context {
    boost::asio::io_context& io;
    HttpLimits limits;
    HttpHandler handler;
    std::function<void(HttpConnection*)> on_closed;
  };

  HttpConnection(Context& context, std::unique_ptr<ByteStream> stream, std::string peer);
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;
  ~HttpConnection();

  void Start();
  // Answers `status` with `message` whatever the client asks, and closes.
  void Refuse(int status, const std::string& message);
  // Closes once no request is in progress.
  void Drain();
  void Abort();

 private:
  class Exchange;
  friend class Exchange;
  // What the read timer limits.
  enum class Phase { kHandshake, kIdle, kHeader, kBody, kAnswering, kLingering, kClosed };

  void Read();
  void OnRead(std::optional<size_t> num_bytes);
  void OnInputEnd();
  void LookForRequest();
  void Enter(Phase phase);
  std::chrono::milliseconds TimeFor(Phase phase) const;
  void OnTimeout(Phase phase);

  void Dispatch();
  void RespondTo(Exchange& exchange, const HttpResponse& response);
  void BeginStreamTo(Exchange& exchange, const HttpResponse& head, std::string heartbeat);
  void WriteTo(Exchange& exchange, std::string_view text);
  void EndStreamTo(Exchange& exchange);
  void RestartHeartbeat();

  void Send(std::string_view bytes);
  void Pump();
  void OnWritten(bool is_good);
  size_t num_unsent_bytes() const { return unsent_.size() + in_flight_.size() - num_written_; }
  void FinishExchange(bool is_complete);
  void Linger();
  void Close();

  Context& context_;
  std::unique_ptr<ByteStream> stream_;
  std::string peer_;
  HttpRequestReader reader_;
  boost::asio::steady_timer read_timer_;
  boost::asio::steady_timer write_timer_;
  boost::asio::steady_timer heartbeat_timer_;

  Phase phase_ = Phase::kHandshake;
  std::array<char, 16384> input_;
  bool is_reading_ = false;
  bool input_has_ended_ = false;
  bool closes_after_answer_ = false;

  std::shared_ptr<Exchange> exchange_;  // the request in progress
  std::string unsent_;                  // behind what is in flight
  std::string in_flight_;               // what is being written, from num_written_ on
  size_t num_written_ = 0;
  bool is_writing_ = false;
};

}  // namespace trinity
