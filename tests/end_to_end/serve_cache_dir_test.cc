#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "tests/end_to_end/run_trinity.h"
#include "tests/end_to_end/served_on_ranks.h"
#include "tests/end_to_end/served_pico.h"
#include "tests/support/paths.h"

namespace trinity {
namespace {

using testing::HasSubstr;

// A prompt of more than one window of the sliding layers.
Json Body() {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "A violin has four strings, and number " + std::to_string(i);
  return {{"messages", Messages(text + ". What is a violin?")},
          {"max_tokens", 12},
          {"logprobs", true},
          {"seed", 3}};
}

struct Answer {
  Json choice;
  int64_t num_cached;
};

// A server with a folder for prefixes that answers once and is told to end.
class ServedOnce {
 public:
  explicit ServedOnce(const TemporaryFolder& folder, const std::vector<std::string>& more = {})
      : log_(folder / "log") {
    std::filesystem::remove(log_);
    std::vector<std::string> flags = {"--cache-dir", folder / "cache", "--log-file", log_};
    flags.insert(flags.end(), more.begin(), more.end());
    ServedPico server(flags);
    const Json reply = Json::parse(server.Post("/v1/chat/completions", Body()).body);
    answer_ = {reply["choices"][0],
               reply["usage"]["prompt_tokens_details"].value("cached_tokens", int64_t{0})};
    server.Signal(SIGTERM);
    EXPECT_EQ(server.Wait(), 0);
  }
  const Answer& answer() const { return answer_; }
  std::string Log() const { return ReadTextFile(log_); }

 private:
  std::string log_;
  Answer answer_;
};

std::string FileIn(const TemporaryFolder& folder) { return folder / "cache/prefixes.trinity"; }

TEST(ServeCacheDir, PrefixesOutliveTheServerAndGiveTheSameBits) {
  const TemporaryFolder folder;
  const ServedOnce cold(folder);
  EXPECT_EQ(cold.answer().num_cached, 0);
  const ServedOnce warm(folder);
  EXPECT_GT(warm.answer().num_cached, 500);
  EXPECT_EQ(warm.answer().choice, cold.answer().choice);
  EXPECT_THAT(warm.Log(), HasSubstr("prefixes loaded from"));
  struct stat status = {};
  ASSERT_EQ(stat(FileIn(folder).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(ServeCacheDir, AFileThatIsNotWholeIsIgnoredAndReplaced) {
  const TemporaryFolder folder;
  const ServedOnce cold(folder);
  const std::string good = ReadTextFile(FileIn(folder));
  std::string flipped = good;
  flipped[good.size() / 2] ^= 1;
  for (const std::string& bad : {flipped, good.substr(0, good.size() - 1), std::string("x"),
                                 std::string(), "Not a file of prefixes." + good}) {
    std::ofstream(FileIn(folder), std::ios::binary) << bad;
    const ServedOnce run(folder);
    EXPECT_EQ(run.answer().num_cached, 0);
    EXPECT_EQ(run.answer().choice, cold.answer().choice);
    EXPECT_THAT(run.Log(), HasSubstr("prefixes not loaded: " + FileIn(folder)));
    EXPECT_EQ(ReadTextFile(FileIn(folder)).size(), good.size());
  }
}

TEST(ServeCacheDir, AnotherWayToComputeDoesNotUseIt) {
  const TemporaryFolder folder;
  const ServedOnce cold(folder);
  const ServedOnce other(folder, {"--kv-type", "f16"});
  EXPECT_EQ(other.answer().num_cached, 0);
  EXPECT_THAT(other.Log(), HasSubstr("prefixes.trinity"));
  const ServedOnce also(folder, {"--compute", "f32", "--kv-type", "f16"});
  EXPECT_EQ(also.answer().num_cached, 0);
  EXPECT_THAT(also.Log(), HasSubstr("is of another model"));
}

TEST(ServeCacheDir, HoldsNoMoreBytesThanItMay) {
  const TemporaryFolder folder;
  const ServedOnce cold(folder);
  const auto all = static_cast<int64_t>(std::filesystem::file_size(FileIn(folder)));
  const ServedOnce less(folder, {"--cache-dir-bytes", std::to_string(all - 1)});
  EXPECT_LE(static_cast<int64_t>(std::filesystem::file_size(FileIn(folder))), all - 1);
  const ServedOnce none(folder, {"--cache-dir-bytes", "1000"});
  EXPECT_FALSE(std::filesystem::exists(FileIn(folder)));
}

std::string FileOfRank(const TemporaryFolder& folder, int rank, int num_ranks) {
  return folder / fmt::format("cache/prefixes-rank-{}-of-{}.trinity", rank, num_ranks);
}

TEST(ServeCacheDir, EachOfSeveralRanksKeepsItsPart) {
  const TemporaryFolder folder;
  const ServedOnce cold(folder, {"--ranks", "3"});
  for (const int rank : {0, 1, 2}) {
    struct stat status = {};
    ASSERT_EQ(stat(FileOfRank(folder, rank, 3).c_str(), &status), 0) << rank;
    EXPECT_EQ(status.st_mode & 0777, 0600u);
  }
  const ServedOnce warm(folder, {"--ranks", "3"});
  EXPECT_GT(warm.answer().num_cached, 500);
  EXPECT_EQ(warm.answer().choice, cold.answer().choice);

  const ServedOnce other(folder, {"--ranks", "2"});
  EXPECT_EQ(other.answer().num_cached, 0);
  EXPECT_THAT(other.Log(), HasSubstr("of-3.trinity: is of another number of ranks"));
  const ServedOnce alone(folder);
  EXPECT_EQ(alone.answer().num_cached, 0);
  EXPECT_THAT(alone.Log(), HasSubstr("trinity: is of another number of ranks"));
}

TEST(ServeCacheDir, ABadFileOfOneRankIsUsedByNone) {
  const TemporaryFolder folder;
  const std::vector<std::string> on_ranks = {"--ranks", "3"};
  const ServedOnce cold(folder, on_ranks);
  const std::string good = ReadTextFile(FileOfRank(folder, 1, 3));
  std::string flipped = good;
  flipped[good.size() / 2] ^= 1;
  for (const std::string& bad : {flipped, ReadTextFile(FileOfRank(folder, 2, 3)), std::string()}) {
    std::ofstream(FileOfRank(folder, 1, 3), std::ios::binary) << bad;
    const ServedOnce run(folder, on_ranks);
    EXPECT_EQ(run.answer().num_cached, 0);
    EXPECT_EQ(run.answer().choice, cold.answer().choice);
    EXPECT_THAT(run.Log(),
                HasSubstr("prefixes not loaded: rank 1: " + FileOfRank(folder, 1, 3) + ": "));
    EXPECT_EQ(ReadTextFile(FileOfRank(folder, 1, 3)).size(), good.size());
  }
  std::filesystem::remove(FileOfRank(folder, 2, 3));
  EXPECT_EQ(ServedOnce(folder, on_ranks).answer().num_cached, 0);
  EXPECT_GT(ServedOnce(folder, on_ranks).answer().num_cached, 500);
}

TEST(ServeCacheDir, ProcessesKeepTheirPartsToo) {
  const TemporaryFolder folder;
  const auto answer = [&] {
    const auto server = ServedOnRanks::Processes(
        2, "--cache-dir " + folder / "cache" + " --log-file " + folder / "log");
    const Json reply = Json::parse(
        Exchange(server->port(), RawHttpClient::Post("/v1/chat/completions", Body().dump())).body);
    server->Signal(0, SIGTERM);
    EXPECT_EQ(server->Wait(), 0) << ServedOnRanks::Errors();
    return Answer{reply["choices"][0],
                  reply["usage"]["prompt_tokens_details"].value("cached_tokens", int64_t{0})};
  };
  const Answer cold = answer();
  EXPECT_EQ(cold.num_cached, 0);
  EXPECT_TRUE(std::filesystem::exists(FileOfRank(folder, 1, 2)));
  const Answer warm = answer();
  EXPECT_GT(warm.num_cached, 500);
  EXPECT_EQ(warm.choice, cold.choice);
}

TEST(ServeCacheDir, FlagsThatContradictEachOtherAreWrongUsage) {
  const TemporaryFolder folder;
  EXPECT_EQ(RunTrinity({"serve", "--cache-dir-bytes", "1GiB"}).exit_code, 2);
  EXPECT_EQ(RunTrinity({"serve", "--cache-dir", folder.path(), "--no-prefix-cache"}).exit_code, 2);
  std::ofstream(folder / "file") << "x";
  EXPECT_EQ(RunTrinity({"serve", "--cache-dir", folder / "file"}).exit_code, 1);
}

}  // namespace
}  // namespace trinity
