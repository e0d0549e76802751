// load/http_response_reader.h, event_stream_reader.h and completion_stream.h, one after the other,
// as a load reads an answer: any bytes are an answer or a failure, the same however they are cut.

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "fuzz/refusal.h"
#include "load/completion_stream.h"
#include "load/event_stream_reader.h"
#include "load/http_response_reader.h"

namespace trinity {
namespace {

struct Seen {
  bool is_accepted = false;
  int64_t num_texts = 0;
  uint64_t digest = 0;
};

Seen Read(std::string_view bytes, size_t piece) {
  HttpResponseReader response;
  EventStreamReader events;
  CompletionStream completion;
  Seen seen;
  const auto take_body = [&] {
    if (!response.has_head()) return;
    for (const std::string& data : events.Append(response.TakeBody())) {
      seen.num_texts += completion.TakeEvent(data) ? 1 : 0;
    }
  };
  seen.is_accepted = Accepts([&] {
    for (size_t begin = 0; begin < bytes.size() && !response.is_complete(); begin += piece) {
      response.Append(bytes.substr(begin, piece));
      take_body();
    }
    response.End();
    take_body();
    response.content_type();
    response.keeps_alive();
  });
  seen.digest = completion.Digest();
  return seen;
}

}  // namespace
}  // namespace trinity

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const trinity::Seen whole = trinity::Read(bytes, size + 1);
  const trinity::Seen pieces = trinity::Read(bytes, 1);
  TRINITY_CHECK(pieces.is_accepted == whole.is_accepted);
  if (whole.is_accepted) {
    TRINITY_CHECK(pieces.num_texts == whole.num_texts && pieces.digest == whole.digest);
  }
  return 0;
}
