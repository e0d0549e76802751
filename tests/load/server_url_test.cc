#include "load/server_url.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace trinity {
namespace {

TEST(ServerUrl, KnowsWhereAServerIs) {
  const ServerUrl url = ParseServerUrl("https://example.org:8443/proxy/v1/");
  EXPECT_TRUE(url.is_tls);
  EXPECT_EQ(url.host, "example.org");
  EXPECT_EQ(url.port, "8443");
  EXPECT_EQ(url.prefix, "/proxy");
  EXPECT_EQ(url.ToText(), "https://example.org:8443/proxy");
}

TEST(ServerUrl, HasThePortOfItsScheme) {
  EXPECT_EQ(ParseServerUrl("http://a").Authority(), "a:80");
  EXPECT_EQ(ParseServerUrl("https://a/").Authority(), "a:443");
}

TEST(ServerUrl, TakesAddressesOfIpV6) {
  const ServerUrl url = ParseServerUrl("http://[::1]:8080/v1");
  EXPECT_EQ(url.host, "::1");
  EXPECT_EQ(url.Authority(), "[::1]:8080");
  EXPECT_EQ(url.prefix, "");
}

TEST(ServerUrl, RefusesWhatIsNoAddressOfAServer) {
  for (const char* text : {"",
                           "localhost:8080",
                           "ftp://a",
                           "unix:///run/x",
                           "http://",
                           "http:///v1",
                           "http://:80",
                           "http://a:",
                           "http://a:0",
                           "http://a:65536",
                           "http://a:8o",
                           "http://a:-1",
                           "http://[::1",
                           "http://[::1]8080",
                           "http://[]",
                           "http://user@a",
                           "http://a?b",
                           "http://a/#b",
                           "http://a b",
                           "http://a/\r\nX: y",
                           "http://a\x7F"}) {
    EXPECT_THROW(ParseServerUrl(text), UsageError) << text;
  }
}

}  // namespace
}  // namespace trinity
