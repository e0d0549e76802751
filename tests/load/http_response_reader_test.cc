#include "load/http_response_reader.h"

#include <gmock/gmock.h>

#include "load/load_failure.h"

namespace trinity {
namespace {

using testing::HasSubstr;

// Status, body and what becomes of the connection, for `bytes` that come in pieces of `size` and,
// where nothing is missing, end there.
std::string Read(std::string_view bytes, size_t size) {
  HttpResponseReader reader;
  std::string body;
  try {
    for (size_t begin = 0; begin < bytes.size(); begin += size) {
      reader.Append(bytes.substr(begin, size));
      if (reader.has_head()) body += reader.TakeBody();
    }
    if (!reader.is_complete()) {
      reader.End();
      body += reader.TakeBody();
    }
  } catch (const LoadFailure& failure) {
    return failure.kind();
  }
  return std::to_string(reader.status()) + ' ' + reader.content_type() + " [" + body + "] " +
         (reader.keeps_alive() ? "kept" : "closed");
}

void ExpectForEveryCut(const std::string& bytes, const std::string& expected) {
  for (size_t size = 1; size <= bytes.size(); ++size) {
    EXPECT_EQ(Read(bytes, size), expected) << size;
  }
}

TEST(HttpResponseReader, ReadsABodyOfKnownLength) {
  ExpectForEveryCut(
      "HTTP/1.1 429 Too Many Requests\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\nhello",
      "429 a/b [hello] kept");
}

TEST(HttpResponseReader, JoinsChunks) {
  ExpectForEveryCut(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n1;x=y\r\nd\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
      "200 text/event-stream [abcd0123456789] kept");
}

TEST(HttpResponseReader, ABodyWithoutLengthEndsWithTheConnection) {
  ExpectForEveryCut("HTTP/1.0 200 OK\r\nContent-Type: a/b\r\n\r\nall of it",
                    "200 a/b [all of it] closed");
}

TEST(HttpResponseReader, AnAnswerThatIsCutIsAFailure) {
  const std::string length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell";
  const std::string chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell";
  for (const std::string& bytes : {length, chunks}) {
    for (size_t kept = 1; kept <= bytes.size(); ++kept) {
      EXPECT_EQ(Read(bytes.substr(0, kept), 1), "connection closed") << kept;
    }
  }
  HttpResponseReader nothing;
  EXPECT_THROW(nothing.End(), LoadFailure);
}

TEST(HttpResponseReader, RefusesWhatIsNoHttp) {
  for (const char* bytes :
       {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabcde"}) {
    EXPECT_EQ(Read(bytes, 1), "not HTTP") << bytes;
    EXPECT_EQ(Read(bytes, 1000), "not HTTP") << bytes;
  }
}

TEST(HttpResponseReader, RefusesAHeadWithoutEnd) {
  HttpResponseReader reader;
  reader.Append("HTTP/1.1 200 OK\r\n");
  const std::string field = "X: " + std::string(1000, 'x') + "\r\n";
  EXPECT_THROW(
      {
        for (int i = 0; i < 100; ++i) reader.Append(field);
      },
      LoadFailure);
}

TEST(HttpResponseReader, DoesNotKeepAConnectionThatSaysMore) {
  EXPECT_THAT(Read("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", 1000), HasSubstr("closed"));
  EXPECT_THAT(Read("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na", 1000),
              HasSubstr("closed"));
}

}  // namespace
}  // namespace trinity
