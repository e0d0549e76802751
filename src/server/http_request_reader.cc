#include "server/http_request_reader.h"

#include <fmt/format.h>

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <limits>
#include <utility>

#include "base/error.h"
#include "http/feed_parser.h"

namespace trinity {
namespace {

namespace http = boost::beast::http;

std::string ToString(boost::beast::string_view text) { return {text.data(), text.size()}; }

// Of a target that is a path, or a whole URL as proxies are asked.
std::string PathOf(std::string_view target) {
  target = target.substr(0, target.find('?'));
  const size_t scheme = target.find("://");
  if (target.starts_with('/') || scheme == target.npos) return std::string(target);
  const size_t path = target.find('/', scheme + 3);
  return path == target.npos ? "/" : std::string(target.substr(path));
}

}  // namespace

struct HttpRequestReader::Parser {
  explicit Parser(const Limits& limits) {
    // Beast counts in 32 bits.
    parser.header_limit(static_cast<uint32_t>(limits.header_bytes));
    parser.body_limit(limits.body_bytes);
    parser.eager(true);
  }

  http::request_parser<http::string_body> parser;
};

HttpRequestReader::HttpRequestReader(const Limits& limits) : limits_(limits) { Begin(); }

HttpRequestReader::~HttpRequestReader() = default;

void HttpRequestReader::Begin() {
  parser_ = std::make_unique<Parser>(limits_);
  state_ = State::kNothing;
  has_asked_expectation_ = false;
}

HttpRequestReader::State HttpRequestReader::Append(std::string_view bytes) {
  waiting_ += bytes;
  if (state_ != State::kComplete && state_ != State::kBad) Parse();
  return state_;
}

void HttpRequestReader::Parse() {
  auto& parser = parser_->parser;
  if (waiting_.empty()) return;
  const boost::system::error_code error = FeedParser(parser, waiting_, limits_.header_bytes);
  if (error) {
    state_ = State::kBad;
    if (error == http::error::header_limit) {
      error_status_ = 431;
      error_message_ =
          fmt::format("expected headers of at most {} bytes, found more", limits_.header_bytes);
    } else if (error == http::error::body_limit) {
      error_status_ = 413;
      error_message_ =
          fmt::format("expected a body of at most {} bytes, found more", limits_.body_bytes);
    } else {
      error_message_ = fmt::format("not a valid HTTP request: {}", error.message());
    }
    return;
  }
  state_ = parser.is_done()          ? State::kComplete
           : parser.is_header_done() ? State::kInBody
                                     : State::kInHeader;
}

HttpRequest HttpRequestReader::TakeRequest() {
  auto message = parser_->parser.release();
  HttpRequest request;
  request.method = ToString(message.method_string());
  const std::string target = ToString(message.target());
  request.path = PathOf(target);
  for (const auto& field : message) {
    request.headers.emplace_back(ToString(field.name_string()), ToString(field.value()));
  }
  request.body = std::move(message.body());
  request.keeps_alive = message.keep_alive();
  request.is_http_1_0 = message.version() < 11;
  Begin();
  Parse();
  return request;
}

bool HttpRequestReader::TakeExpectation() {
  if (state_ != State::kInBody || has_asked_expectation_) return false;
  has_asked_expectation_ = true;
  return parser_->parser.get()[http::field::expect] == "100-continue";
}

}  // namespace trinity
