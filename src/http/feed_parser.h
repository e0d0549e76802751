#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <cstddef>
#include <string>

namespace trinity {

// Gives the bytes of `waiting` to a parser of Beast, as far as it takes them: those are gone then.
// Returns what is wrong with them; header_limit too where more than `most_waiting` bytes stand
// where the parser can do nothing with them, as between two chunks, for which it has no limit.
template <bool kIsRequest>
boost::system::error_code FeedParser(boost::beast::http::basic_parser<kIsRequest>& parser,
                                     std::string& waiting, size_t most_waiting) {
  namespace http = boost::beast::http;
  // "0\r\n\r\n": at least so much ends a chunked body, and Beast asserts it of what it is given
  // after the line of the last chunk.
  constexpr size_t kShortestChunkedEnd = 5;
  boost::system::error_code error;
  // One call takes the head or a part of the body at most.
  while (!waiting.empty() && !parser.is_done()) {
    const bool is_in_chunks = parser.is_header_done() && parser.chunked();
    if (is_in_chunks && waiting.size() < kShortestChunkedEnd) break;
    const size_t used = parser.put(boost::asio::buffer(waiting), error);
    waiting.erase(0, used);
    if (error == http::error::need_more) {
      error = {};
      break;
    }
    if (error || used == 0) break;
  }
  if (!error && !parser.is_done() && waiting.size() > most_waiting) {
    error = http::error::header_limit;
  }
  return error;
}

}  // namespace trinity
