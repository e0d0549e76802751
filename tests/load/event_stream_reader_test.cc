#include "load/event_stream_reader.h"

#include <gmock/gmock.h>

#include "load/load_failure.h"

namespace trinity {
namespace {

using testing::ElementsAre;

// The events of `text` that comes in two pieces, cut at `cut`.
std::vector<std::string> Events(std::string_view text, size_t cut) {
  EventStreamReader reader;
  std::vector<std::string> events = reader.Append(text.substr(0, cut));
  for (std::string& data : reader.Append(text.substr(cut))) events.push_back(std::move(data));
  return events;
}

TEST(EventStreamReader, GivesTheSameEventsForEveryCut) {
  const std::string text =
      ": a comment\r\n\r\ndata: one\r\n\r\nevent: x\ndata:two\ndata: lines\n\n: heartbeat\n\n"
      "data\r\rid: 7\n\ndata: [DONE]\n\ndata: never ended\n";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_THAT(Events(text, cut), ElementsAre("one", "two\nlines", "", "[DONE]")) << cut;
  }
}

TEST(EventStreamReader, TakesSingleBytes) {
  EventStreamReader reader;
  std::string seen;
  for (const char c : std::string("data: a\r\n\r\n: x\ndata: b\n\n")) {
    for (const std::string& data : reader.Append(std::string_view(&c, 1))) seen += data + ';';
  }
  EXPECT_EQ(seen, "a;b;");
}

TEST(EventStreamReader, RefusesAnEventWithoutEnd) {
  EventStreamReader reader;
  const std::string piece(1 << 20, 'x');
  EXPECT_THROW(
      {
        for (int i = 0; i < 17; ++i) reader.Append(piece);
      },
      LoadFailure);
}

TEST(EventStreamReader, RefusesAnEventOfEndlessLines) {
  EventStreamReader reader;
  const std::string piece = "data: " + std::string(1 << 20, 'x') + '\n';
  EXPECT_THROW(
      {
        for (int i = 0; i < 17; ++i) reader.Append(piece);
      },
      LoadFailure);
}

}  // namespace
}  // namespace trinity
