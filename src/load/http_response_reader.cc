#include "load/http_response_reader.h"

#include <fmt/format.h>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <limits>
#include <utility>

#include "http/feed_parser.h"
#include "load/load_failure.h"

namespace trinity {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::system::error_code;

constexpr uint32_t kMostHeadBytes = 64 << 10;
constexpr size_t kMostWaitingBytes = 64 << 10;

}  // namespace

struct HttpResponseReader::Parser {
  Parser() {
    parser.header_limit(kMostHeadBytes);
    parser.body_limit(std::numeric_limits<uint64_t>::max());  // it is taken away as it comes
    parser.eager(true);
  }

  http::response_parser<http::string_body> parser;
};

HttpResponseReader::HttpResponseReader() : parser_(std::make_unique<Parser>()) {}

HttpResponseReader::~HttpResponseReader() = default;

void HttpResponseReader::Append(std::string_view bytes) {
  waiting_ += bytes;
  const ErrorCode error = FeedParser(parser_->parser, waiting_, kMostWaitingBytes);
  if (error) {
    throw LoadFailure("not HTTP", fmt::format("not a valid HTTP response: {}", error.message()));
  }
}

void HttpResponseReader::End() {
  auto& parser = parser_->parser;
  if (parser.is_done()) return;
  ErrorCode error;
  if (parser.got_some()) parser.put_eof(error);
  if (!parser.got_some() || error || !parser.is_done()) {
    throw LoadFailure("connection closed", parser.is_header_done()
                                               ? "the connection ended within the answer"
                                               : "the connection ended before an answer");
  }
}

bool HttpResponseReader::has_head() const { return parser_->parser.is_header_done(); }

bool HttpResponseReader::is_complete() const { return parser_->parser.is_done(); }

int HttpResponseReader::status() const {
  return static_cast<int>(parser_->parser.get().result_int());
}

std::string HttpResponseReader::content_type() const {
  const auto value = parser_->parser.get()[http::field::content_type];
  return {value.data(), value.size()};
}

bool HttpResponseReader::keeps_alive() const {
  return is_complete() && waiting_.empty() && parser_->parser.keep_alive();
}

std::string HttpResponseReader::TakeBody() {
  return std::exchange(parser_->parser.get().body(), std::string());
}

}  // namespace trinity
