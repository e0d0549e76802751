#include "server/http_connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>
#include <vector>

#include "server/api_error.h"

namespace trinity {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kWriteBytes = size_t{64} << 10;
// Of requests that a client sends ahead while an earlier one is answered.
constexpr size_t kMostPipelinedBytes = size_t{64} << 10;
// How long the rest of a refused request is read, so that the refusal is not lost with it.
constexpr std::chrono::milliseconds kLingerTime{2000};

}  // namespace

// What a handler holds of a connection. Its calls are carried over to the thread of the connection,
// which alone touches the members below.
class HttpConnection::Exchange final : public HttpExchange,
                                       public std::enable_shared_from_this<Exchange> {
 public:
  Exchange(std::shared_ptr<HttpConnection> connection, HttpRequest request)
      : connection_(std::move(connection)), request_(std::move(request)) {}

  const HttpRequest& request() const override { return request_; }

  void Respond(HttpResponse response) override {
    Post([response = std::move(response)](Exchange& self) {
      self.connection_->RespondTo(self, response);
    });
  }
  void BeginStream(HttpResponse head, std::string heartbeat) override {
    Post([head = std::move(head), heartbeat = std::move(heartbeat)](Exchange& self) mutable {
      self.connection_->BeginStreamTo(self, head, std::move(heartbeat));
    });
  }
  void Write(std::string text) override {
    Post([text = std::move(text)](Exchange& self) { self.connection_->WriteTo(self, text); });
  }
  void EndStream() override {
    Post([](Exchange& self) { self.connection_->EndStreamTo(self); });
  }
  void OnDisconnect(std::function<void()> callback) override {
    Post([callback = std::move(callback)](Exchange& self) mutable {
      if (self.is_over_ ? !self.outcome_.is_complete : self.connection_->input_has_ended_) {
        callback();
      } else if (!self.is_over_) {
        self.on_disconnect_.push_back(std::move(callback));
      }
    });
  }
  void OnFinished(std::function<void(const HttpOutcome&)> callback) override {
    Post([callback = std::move(callback)](Exchange& self) mutable {
      self.on_finished_ = std::move(callback);
      if (self.is_over_) self.Finish(self.outcome_.is_complete);
    });
  }

  void SayDisconnected() {
    for (const auto& callback : std::exchange(on_disconnect_, {})) callback();
  }

  void Finish(bool is_complete) {
    is_over_ = true;
    on_disconnect_.clear();  // they may hold this exchange
    outcome_.is_complete = is_complete;
    outcome_.seconds = std::chrono::duration<double>(Clock::now() - begun_).count();
    if (!on_finished_) return;
    std::exchange(on_finished_, nullptr)(outcome_);
  }

  bool is_current() const { return !is_over_ && connection_->exchange_.get() == this; }

  bool has_begun_ = false;  // the head was sent
  bool has_ended_ = false;  // all was handed over
  bool is_chunked_ = false;
  size_t largest_write_ = 0;
  std::string heartbeat_;
  HttpOutcome outcome_;

 private:
  template <class Function>
  void Post(Function function) {
    boost::asio::post(
        connection_->context_.io,
        [self = shared_from_this(), function = std::move(function)]() mutable { function(*self); });
  }

  std::shared_ptr<HttpConnection> connection_;
  HttpRequest request_;
  Clock::time_point begun_ = Clock::now();
  bool is_over_ = false;
  std::vector<std::function<void()>> on_disconnect_;
  std::function<void(const HttpOutcome&)> on_finished_;
};

HttpConnection::HttpConnection(Context& context, std::unique_ptr<ByteStream> stream,
                               std::string peer)
    : context_(context),
      stream_(std::move(stream)),
      peer_(std::move(peer)),
      reader_({context.limits.header_bytes, context.limits.body_bytes}),
      read_timer_(context.io),
      write_timer_(context.io),
      heartbeat_timer_(context.io) {}

HttpConnection::~HttpConnection() = default;

void HttpConnection::Start() {
  Enter(Phase::kHandshake);
  stream_->Handshake([self = shared_from_this()](bool is_good) {
    if (!is_good) return self->Close();
    if (self->phase_ == Phase::kHandshake) self->Read();
  });
}

void HttpConnection::Refuse(int status, const std::string& message) {
  if (phase_ == Phase::kClosed) return;
  closes_after_answer_ = true;
  const HttpResponse response = ErrorResponse(ApiError(status, message));
  Send(RenderHead(response, {{"Content-Length", std::to_string(response.body.size())},
                             {"Connection", "close"}}) +
       response.body);
  Linger();
}

void HttpConnection::Drain() {
  closes_after_answer_ = true;
  if (!exchange_ && num_unsent_bytes() == 0) Close();
}

void HttpConnection::Abort() { Close(); }

void HttpConnection::Enter(Phase phase) {
  phase_ = phase;
  if (phase == Phase::kAnswering) {
    read_timer_.cancel();
    return;
  }
  read_timer_.expires_after(TimeFor(phase));
  read_timer_.async_wait([self = shared_from_this(), phase](const auto& error) {
    if (!error && self->phase_ == phase) self->OnTimeout(phase);
  });
}

std::chrono::milliseconds HttpConnection::TimeFor(Phase phase) const {
  switch (phase) {
    case Phase::kIdle:
      return context_.limits.idle_timeout;
    case Phase::kBody:
      return context_.limits.body_timeout;
    case Phase::kLingering:
      return kLingerTime;
    default:
      return context_.limits.header_timeout;
  }
}

void HttpConnection::OnTimeout(Phase phase) {
  if (phase == Phase::kHeader || phase == Phase::kBody) {
    Refuse(408, fmt::format("expected the whole {} within {} s",
                            phase == Phase::kHeader ? "header" : "body",
                            static_cast<double>(TimeFor(phase).count()) / 1000));
  } else {
    Close();
  }
}

void HttpConnection::Read() {
  if (is_reading_ || input_has_ended_ || phase_ == Phase::kClosed) return;
  if (exchange_ && reader_.num_waiting_bytes() > kMostPipelinedBytes) return;
  is_reading_ = true;
  stream_->Read(input_, [self = shared_from_this()](std::optional<size_t> num_bytes) {
    self->is_reading_ = false;
    self->OnRead(num_bytes);
  });
}

void HttpConnection::OnRead(std::optional<size_t> num_bytes) {
  if (phase_ == Phase::kClosed) return;
  if (!num_bytes) return OnInputEnd();
  if (phase_ != Phase::kLingering) {
    reader_.Append(std::string_view(input_.data(), *num_bytes));
    if (!exchange_) LookForRequest();
  }
  Read();
}

// A client that ends its sending side counts as gone: nothing tells it from one that has closed
// everything, and an answer that nobody waits for would take the model's time.
void HttpConnection::OnInputEnd() {
  input_has_ended_ = true;
  closes_after_answer_ = true;
  if (exchange_) {
    exchange_->SayDisconnected();
  } else if (num_unsent_bytes() == 0) {
    Close();
  }
}

void HttpConnection::LookForRequest() {
  using State = HttpRequestReader::State;
  switch (reader_.state()) {
    case State::kNothing:
      if (phase_ == Phase::kAnswering) Enter(Phase::kIdle);
      break;
    case State::kInHeader:
      if (phase_ != Phase::kHeader) Enter(Phase::kHeader);
      break;
    case State::kInBody:
      if (phase_ != Phase::kBody) Enter(Phase::kBody);
      if (reader_.TakeExpectation()) Send("HTTP/1.1 100 Continue\r\n\r\n");
      break;
    case State::kBad:
      Refuse(reader_.error_status(), reader_.error_message());
      break;
    case State::kComplete:
      Dispatch();
      break;
  }
}

void HttpConnection::Dispatch() {
  Enter(Phase::kAnswering);
  HttpRequest request = reader_.TakeRequest();
  request.peer = peer_;
  if (!request.keeps_alive) closes_after_answer_ = true;
  exchange_ = std::make_shared<Exchange>(shared_from_this(), std::move(request));
  context_.handler(exchange_);
}

void HttpConnection::RespondTo(Exchange& exchange, const HttpResponse& response) {
  if (!exchange.is_current() || exchange.has_begun_) return;
  exchange.has_begun_ = true;
  exchange.has_ended_ = true;
  exchange.outcome_.status = response.status;
  HttpHeaders more;
  // These two never have a body, and its length would be taken for that of another answer.
  if (response.status != 204 && response.status != 304) {
    more.emplace_back("Content-Length", std::to_string(response.body.size()));
  }
  if (closes_after_answer_) more.emplace_back("Connection", "close");
  std::string bytes = RenderHead(response, more);
  if (exchange.request().method != "HEAD") bytes += response.body;
  Send(bytes);
}

void HttpConnection::BeginStreamTo(Exchange& exchange, const HttpResponse& head,
                                   std::string heartbeat) {
  if (!exchange.is_current() || exchange.has_begun_) return;
  exchange.has_begun_ = true;
  exchange.outcome_.status = head.status;
  exchange.heartbeat_ = std::move(heartbeat);
  exchange.is_chunked_ = !exchange.request().is_http_1_0;
  HttpHeaders more;
  if (exchange.is_chunked_) {
    more.emplace_back("Transfer-Encoding", "chunked");
  } else {
    closes_after_answer_ = true;  // the end of the connection is the end of the answer
  }
  if (closes_after_answer_) more.emplace_back("Connection", "close");
  RestartHeartbeat();
  Send(RenderHead(head, more));
}

void HttpConnection::WriteTo(Exchange& exchange, std::string_view text) {
  if (!exchange.is_current() || !exchange.has_begun_ || exchange.has_ended_ || text.empty()) return;
  // One large event, as of a prompt with its log probabilities, is no sign of a client that does
  // not read: what counts is what waits beside the largest one.
  if (num_unsent_bytes() > context_.limits.unsent_bytes + exchange.largest_write_) return Close();
  exchange.largest_write_ = std::max(exchange.largest_write_, text.size());
  RestartHeartbeat();
  if (exchange.is_chunked_) {
    Send(fmt::format("{:x}\r\n{}\r\n", text.size(), text));
  } else {
    Send(text);
  }
}

void HttpConnection::EndStreamTo(Exchange& exchange) {
  if (!exchange.is_current() || !exchange.has_begun_ || exchange.has_ended_) return;
  exchange.has_ended_ = true;
  heartbeat_timer_.cancel();
  if (exchange.is_chunked_) Send("0\r\n\r\n");
  Pump();
}

void HttpConnection::RestartHeartbeat() {
  heartbeat_timer_.expires_after(context_.limits.heartbeat);
  heartbeat_timer_.async_wait([self = shared_from_this()](const auto& error) {
    if (error || !self->exchange_ || self->exchange_->has_ended_) return;
    self->WriteTo(*self->exchange_, self->exchange_->heartbeat_);
  });
}

void HttpConnection::Send(std::string_view bytes) {
  if (phase_ == Phase::kClosed) return;
  unsent_ += bytes;
  Pump();
}

void HttpConnection::Pump() {
  if (is_writing_ || phase_ == Phase::kClosed) return;
  if (num_written_ == in_flight_.size()) {
    in_flight_ = std::exchange(unsent_, {});
    num_written_ = 0;
  }
  if (in_flight_.empty()) {
    if (exchange_ && exchange_->has_ended_) FinishExchange(/*is_complete=*/true);
    return;
  }
  const std::string_view slice = std::string_view(in_flight_).substr(num_written_, kWriteBytes);
  is_writing_ = true;
  write_timer_.expires_after(context_.limits.write_timeout);
  write_timer_.async_wait([self = shared_from_this()](const auto& error) {
    if (!error && self->is_writing_) self->Close();
  });
  stream_->Write(slice, [self = shared_from_this(), size = slice.size()](bool is_good) {
    self->is_writing_ = false;
    self->num_written_ += size;
    if (self->exchange_ && is_good) {
      self->exchange_->outcome_.sent_bytes += static_cast<int64_t>(size);
    }
    self->write_timer_.cancel();
    self->OnWritten(is_good);
  });
}

void HttpConnection::OnWritten(bool is_good) {
  if (phase_ == Phase::kClosed) return;
  if (!is_good) return Close();
  if (phase_ == Phase::kLingering && num_unsent_bytes() == 0) {
    stream_->EndWriting();
    if (input_has_ended_) Close();
    return;
  }
  Pump();
}

void HttpConnection::FinishExchange(bool is_complete) {
  heartbeat_timer_.cancel();
  const std::shared_ptr<Exchange> done = std::exchange(exchange_, nullptr);
  done->Finish(is_complete);
  if (phase_ == Phase::kClosed) return;
  if (closes_after_answer_) return input_has_ended_ ? Close() : Linger();
  LookForRequest();
  Read();
}

void HttpConnection::Linger() {
  Enter(Phase::kLingering);
  if (num_unsent_bytes() == 0) stream_->EndWriting();
  Read();
}

void HttpConnection::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  const std::shared_ptr<HttpConnection> self = shared_from_this();
  read_timer_.cancel();
  write_timer_.cancel();
  stream_->Close();
  if (exchange_) {
    exchange_->SayDisconnected();
    FinishExchange(/*is_complete=*/false);
  }
  context_.on_closed(this);
}

}  // namespace trinity
