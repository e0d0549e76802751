#include "server/http_request_reader.h"

#include <gmock/gmock.h>

#include <vector>

namespace trinity {
namespace {

using State = HttpRequestReader::State;

constexpr HttpRequestReader::Limits kLimits = {1024, 4096};

// What a reader makes of `bytes` that come in pieces of `size`.
std::string Read(const std::string& bytes, size_t size) {
  HttpRequestReader reader(kLimits);
  std::string seen;
  for (size_t begin = 0; begin < bytes.size(); begin += size) {
    reader.Append(std::string_view(bytes).substr(begin, size));
    while (reader.state() == State::kComplete) {
      const HttpRequest request = reader.TakeRequest();
      seen += request.method + " " + request.path + " [" + request.body + "]\n";
    }
  }
  if (reader.state() == State::kBad) seen += std::to_string(reader.error_status());
  return seen;
}

TEST(HttpRequestReader, HowTheBytesAreCutMakesNoDifference) {
  const std::string bytes =
      "POST /a?b=c HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
      "POST /d HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"
      "POST /e HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: trailer\r\n\r\n"
      "GET /f HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string requests = "POST /a [hello]\nPOST /d [abcde]\nPOST /e []\nGET /f []\n";
  for (const size_t size : {1, 2, 3, 7, 1000}) {
    EXPECT_EQ(Read(bytes, size), requests) << size;
  }
}

TEST(HttpRequestReader, AWholeUrlIsItsPath) {
  const auto path = [](const std::string& target) {
    return Read("GET " + target + " HTTP/1.1\r\n\r\n", 1000);
  };
  EXPECT_EQ(path("http://a:1/b/c?d=http://e"), "GET /b/c []\n");
  EXPECT_EQ(path("https://a"), "GET / []\n");
  EXPECT_EQ(path("/b?c=http://d/e"), "GET /b []\n");
  EXPECT_EQ(path("/http://a/b"), "GET /http://a/b []\n");
}

TEST(HttpRequestReader, RefusesHeadersAndBodiesThatAreTooLarge) {
  const std::string header = "GET / HTTP/1.1\r\nX: " + std::string(2000, 'x') + "\r\n\r\n";
  const std::string length = "POST / HTTP/1.1\r\nContent-Length: 5000\r\n\r\n";
  const std::string chunks =
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1388\r\n" + std::string(5000, 'x');
  for (const size_t size : {1, 100, 10000}) {
    EXPECT_EQ(Read(header, size), "431") << size;
    EXPECT_EQ(Read(length, size), "413") << size;
    EXPECT_EQ(Read(chunks, size), "413") << size;
  }
}

TEST(HttpRequestReader, RefusesWhatDoesNotSayWhereItEnds) {
  for (const char* bytes : {
           "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
           "POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
           "POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
           "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
           "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
           "nonsense\r\n\r\n",
       }) {
    EXPECT_THAT(Read(bytes, 1000), testing::StartsWith("4")) << bytes;
  }
}

TEST(HttpRequestReader, SaysHowFarARequestHasCome) {
  HttpRequestReader reader(kLimits);
  EXPECT_EQ(reader.state(), State::kNothing);
  EXPECT_EQ(reader.Append("POST / HTTP/1.1\r\n"), State::kInHeader);
  EXPECT_EQ(reader.Append("Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"), State::kInBody);
  EXPECT_TRUE(reader.TakeExpectation());
  EXPECT_FALSE(reader.TakeExpectation());
  EXPECT_EQ(reader.Append("hi"), State::kComplete);
}

}  // namespace
}  // namespace trinity
