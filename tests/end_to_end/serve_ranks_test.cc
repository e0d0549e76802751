#include <fmt/format.h>
#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <functional>

#include "tests/end_to_end/served_on_ranks.h"
#include "tests/end_to_end/served_pico.h"
#include "tests/support/paths.h"

// What the clients of a model on several ranks see of the end of one.

namespace trinity {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::HasSubstr;

std::string LongRequest(bool streams) {
  const Json body = {{"messages", Messages("Tell me a story.")},
                     {"stream", streams},
                     {"ignore_eos", true},
                     {"seed", 1}};
  return RawHttpClient::Post("/v1/chat/completions", body.dump());
}

// Clients of all kinds while `end` ends a rank: each hears why, and then the server goes.
void ExpectThatClientsHearOf(ServedOnRanks& server, const std::function<void()>& end,
                             const std::string& reason) {
  RawHttpClient stream(server.port());
  stream.Send(LongRequest(/*streams=*/true));
  ASSERT_TRUE(stream.ReadUntil("\"content\":\""));
  RawHttpClient whole(server.port());
  whole.Send(LongRequest(/*streams=*/false));
  end();
  const Json last = EventsOf(stream.ReadResponse().body).back();
  EXPECT_THAT(last["error"]["message"], HasSubstr(reason)) << last;
  EXPECT_EQ(last["error"]["type"], "service_unavailable_error");
  for (const std::string& request :
       {RawHttpClient::Get("/health/ready"), LongRequest(/*streams=*/true)}) {
    const RawHttpResponse late = Exchange(server.port(), request);
    EXPECT_EQ(late.status, 503) << request;
    EXPECT_THAT(late.body, HasSubstr(reason));
  }
  const RawHttpResponse unanswered = whole.ReadResponse();
  EXPECT_EQ(unanswered.status, 503);
  EXPECT_THAT(unanswered.body, HasSubstr(reason));
  EXPECT_THAT(server.Wait(), AllOf(testing::Gt(0), testing::Lt(255)));
  EXPECT_THAT(ServedOnRanks::Errors(), HasSubstr(reason));
}

TEST(ServeOnProcesses, ClientsHearOfARankThatIsKilled) {
  const auto server = ServedOnRanks::Processes(3, "");
  ExpectThatClientsHearOf(
      *server, [&] { server->Signal(1, SIGKILL); }, "rank 1 has ended");
}

TEST(ServeOnProcesses, ClientsHearOfARankThatHangs) {
  const auto server = ServedOnRanks::Processes(3, "--rank-timeout 2");
  ExpectThatClientsHearOf(
      *server, [&] { server->Signal(2, SIGSTOP); }, "rank 2 did not answer for 2 s");
}

void CopyPico(const std::string& folder) { std::filesystem::copy(PicoFolder(), folder); }

// Each process has a model of its own, of which one is cut off while its experts are read.
TEST(ServeOnProcesses, ClientsHearOfARankThatCannotReadItsExperts) {
  const TemporaryFolder folder;
  CopyPico(folder / "0");
  CopyPico(folder / "1");
  ServedOnRanks server(fmt::format(
      "mpirun --oversubscribe --bind-to none -n 2 sh -c 'cd {}/$OMPI_COMM_WORLD_RANK; exec {} "
      "serve . --port 0 -t 1 --kv-budget 64MiB --weights mapped --expert-cache 400kB'",
      folder.path(), TRINITY_BINARY));
  ExpectThatClientsHearOf(
      server, [&] { std::filesystem::resize_file(folder / "1/model.safetensors", 1 << 20); },
      "rank 1 has ended");
  EXPECT_THAT(ServedOnRanks::Errors(), HasSubstr("trinity: rank 1 ends all ranks: "));
}

// The file of a model whose experts stay there is cut off while they are read.
TEST(ServeOnThreads, ClientsHearOfARankThatCannotReadItsExperts) {
  const TemporaryFolder folder;
  for (const auto& entry : std::filesystem::directory_iterator(PicoFolder())) {
    std::filesystem::copy_file(entry.path(), folder / entry.path().filename().string());
  }
  ServedOnRanks server(fmt::format(
      "{} serve {} --port 0 -t 2 --kv-budget 64MiB --ranks 2 --weights mapped --expert-cache 400kB",
      TRINITY_BINARY, folder.path()));
  ExpectThatClientsHearOf(
      server, [&] { std::filesystem::resize_file(folder / "model.safetensors", 1 << 20); },
      " ended: " + folder.path());
  EXPECT_THAT(ServedOnRanks::Errors(), AnyOf(HasSubstr("trinity: engine: failed: rank 0 ended: "),
                                             HasSubstr("trinity: engine: failed: rank 1 ended: ")));
}

}  // namespace
}  // namespace trinity
