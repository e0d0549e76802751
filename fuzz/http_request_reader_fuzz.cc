// server/http_request_reader.h: any bytes are requests or a refusal. The requests are the same
// however the bytes are cut, except that a limit of size may be seen earlier in small pieces.

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "fuzz/refusal.h"
#include "server/http_request_reader.h"

namespace trinity {
namespace {

struct Seen {
  std::string requests;
  bool was_too_long = false;
};

Seen Read(std::string_view bytes, size_t piece) {
  HttpRequestReader reader({512, 2048});
  Seen seen;
  for (size_t begin = 0; begin < bytes.size(); begin += piece) {
    reader.Append(bytes.substr(begin, piece));
    while (reader.state() == HttpRequestReader::State::kComplete) {
      const HttpRequest request = reader.TakeRequest();
      TRINITY_CHECK(request.body.size() <= 2048);
      seen.requests += request.method + ' ' + request.path + '\n' + request.body + '\n';
    }
    reader.TakeExpectation();
  }
  if (reader.state() == HttpRequestReader::State::kBad) {
    CheckMessage(reader.error_message());
    seen.was_too_long = reader.error_status() == 431;
  }
  return seen;
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const trinity::Seen whole = trinity::Read(bytes, size + 1);
  const trinity::Seen pieces = trinity::Read(bytes, 1);
  TRINITY_CHECK(pieces.requests == whole.requests || pieces.was_too_long || whole.was_too_long);
  return 0;
}
