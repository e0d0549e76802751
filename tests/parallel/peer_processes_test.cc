#include "parallel/peer_processes.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace trinity {
namespace {

// A process that waits to be ended.
pid_t StartWaiting() {
  const pid_t pid = fork();
  if (pid == 0) {
    while (true) pause();
  }
  return pid;
}

TEST(PeerProcesses, TheEndOfAProcessOfThisHostIsSeenAtOnce) {
  const pid_t pid = StartWaiting();
  ASSERT_GT(pid, 0);
  ProcessPlace other = ProcessPlace::OfThisProcess();
  other.pid = pid;
  const PeerProcesses peers(std::array{ProcessPlace::OfThisProcess(), other});
  EXPECT_FALSE(peers.HasEnded(0)) << "this one";
  EXPECT_FALSE(peers.HasEnded(1));
  EXPECT_EQ(peers.num_on_host(), 2);
  kill(pid, SIGKILL);
  EXPECT_TRUE(peers.AwaitEnd(1, std::chrono::seconds(20)));
  EXPECT_TRUE(peers.HasEnded(1));
  waitpid(pid, nullptr, 0);
}

TEST(PeerProcesses, AProcessOfAnotherHostIsNotLookedFor) {
  ProcessPlace other = ProcessPlace::OfThisProcess();
  other.host[0] = other.host[0] == '1' ? '2' : '1';
  other.pid = 1 << 30;
  const PeerProcesses peers(std::array{other, ProcessPlace::OfThisProcess()});
  EXPECT_FALSE(peers.AwaitEnd(0, std::chrono::milliseconds(1)));
  EXPECT_EQ(peers.num_on_host(), 1);
}

}  // namespace
}  // namespace trinity
