#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "tests/support/raw_http_client.h"
#include "tests/support/server_process.h"

namespace trinity {

// The bundled model, served with `flags`.
class ServedPico : public ServerProcess {
 public:
  explicit ServedPico(std::vector<std::string> flags,
                      const std::vector<std::string>& environment = {})
      : ServerProcess(TRINITY_BINARY, WithDefaults(std::move(flags)), environment) {}

  RawHttpResponse Get(const std::string& path) const {
    return Exchange(port(), RawHttpClient::Get(path));
  }
  RawHttpResponse Post(const std::string& path, const Json& body) const {
    return Exchange(port(), RawHttpClient::Post(path, body.dump()));
  }
  Json Stats() const { return Json::parse(Get("/v1/stats").body); }

  // Asks until `holds` does; a test that waits in vain ends with its time limit. Returns the stats
  // of which it did.
  template <class Condition>
  Json AwaitStats(Condition holds) const {
    Json stats = Stats();
    while (!holds(stats)) stats = Stats();
    return stats;
  }
  // Until no request waits or runs.
  Json AwaitIdle() const {
    return AwaitStats([](const Json& stats) {
      return stats["requests"]["running"] == 0 && stats["requests"]["queued"] == 0;
    });
  }
  int64_t num_cancelled() const { return Stats()["requests"]["cancelled"]; }
  Json AwaitCancelled(int64_t count) const {
    return AwaitStats([&](const Json& stats) { return stats["requests"]["cancelled"] == count; });
  }

 private:
  static std::vector<std::string> WithDefaults(std::vector<std::string> flags) {
    std::vector<std::string> arguments = {"serve", "--port", "0"};
    const std::vector<std::vector<std::string>> defaults = {{"--threads", "2"},
                                                            {"--kv-budget", "64MiB"}};
    for (const std::vector<std::string>& flag : defaults) {
      if (std::find(flags.begin(), flags.end(), flag[0]) != flags.end()) continue;
      arguments.insert(arguments.end(), flag.begin(), flag.end());
    }
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    return arguments;
  }
};

inline Json Messages(const std::string& text) {
  return Json::array({{{"role", "user"}, {"content", text}}});
}

// The data of each event of a stream but the last, which must be [DONE].
inline std::vector<Json> EventsOf(const std::string& stream) {
  std::vector<Json> events;
  constexpr std::string_view kField = "data: ";
  bool is_done = false;
  for (size_t begin = 0; begin < stream.size();) {
    const size_t end = std::min(stream.find('\n', begin), stream.size());
    const std::string line = stream.substr(begin, end - begin);
    begin = end + 1;
    if (!line.starts_with(kField)) continue;
    EXPECT_FALSE(is_done) << line;
    is_done = line == "data: [DONE]";
    if (!is_done) events.push_back(Json::parse(line.substr(kField.size())));
  }
  EXPECT_TRUE(is_done) << stream;
  return events;
}

}  // namespace trinity
