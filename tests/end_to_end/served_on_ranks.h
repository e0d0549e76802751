#pragma once

#include <fmt/format.h>

#include <csignal>
#include <memory>
#include <string>

#include "base/file.h"
#include "tests/support/paths.h"
#include "tests/support/server_process.h"

namespace trinity {

// A server whose errors are kept. `command` writes its address.
class ServedOnRanks {
 public:
  explicit ServedOnRanks(const std::string& command)
      : server_("/bin/sh", {"-c", fmt::format("exec {} 2> {}", command, ErrorPath())},
                {"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1",
                 "ASAN_OPTIONS=detect_leaks=0"}) {}

  // Through mpirun, where each process tells its id.
  static std::unique_ptr<ServedOnRanks> Processes(int num_ranks, const std::string& flags) {
    return std::make_unique<ServedOnRanks>(
        fmt::format("mpirun --oversubscribe --bind-to none -n {} sh -c 'echo $$ > "
                    "{}/$OMPI_COMM_WORLD_RANK; exec {} serve --port 0 -t 1 --kv-budget 64MiB {}'",
                    num_ranks, Folder().path(), TRINITY_BINARY, flags));
  }

  void Signal(int rank, int signal) const {
    kill(std::stoi(ReadTextFile(Folder() / std::to_string(rank))), signal);
  }
  int port() const { return server_.port(); }
  int Wait() { return server_.Wait(); }
  static std::string Errors() { return ReadTextFile(ErrorPath()); }

 private:
  static const TemporaryFolder& Folder() {
    static const TemporaryFolder folder;
    return folder;
  }
  static std::string ErrorPath() { return Folder() / "errors"; }

  ServerProcess server_;
};

}  // namespace trinity
