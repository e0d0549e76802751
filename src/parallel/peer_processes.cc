#include "parallel/peer_processes.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

namespace trinity {
namespace {

// Another one after each start of the system; empty where the system does not say.
std::string BootId() {
  std::array<char, 64> id{};
  std::FILE* file = std::fopen("/proc/sys/kernel/random/boot_id", "re");
  if (file == nullptr) return {};
  const size_t size = std::fread(id.data(), 1, id.size(), file);
  std::fclose(file);
  return {id.data(), size};
}

// A file that can be read from when the process has ended, its own child or not; -1 where the
// system has no such files.
int OpenProcess(int64_t pid) {
  return static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));
}

}  // namespace

ProcessPlace ProcessPlace::OfThisProcess() {
  ProcessPlace place;
  place.pid = getpid();
  const std::string boot = BootId();
  struct stat processes {};
  if (boot.empty() || stat("/proc/self/ns/pid", &processes) != 0) return place;
  const std::string host = fmt::format("{} {}", processes.st_ino, boot);
  std::copy_n(host.begin(), std::min(host.size(), place.host.size() - 1), place.host.begin());
  return place;
}

PeerProcesses::PeerProcesses(std::span<const ProcessPlace> places) {
  const ProcessPlace own = ProcessPlace::OfThisProcess();
  for (const ProcessPlace& place : places) {
    const bool is_seen = place.host[0] != 0 && place.host == own.host && place.pid != own.pid;
    if (place.host == own.host) ++num_on_host_;
    files_.push_back(is_seen ? OpenProcess(place.pid) : -1);
  }
}

PeerProcesses::~PeerProcesses() {
  for (const int file : files_) {
    if (file >= 0) close(file);
  }
}

bool PeerProcesses::AwaitEnd(int rank, std::chrono::milliseconds patience) const {
  // poll passes over a negative file and waits all the same.
  pollfd wait = {files_[static_cast<size_t>(rank)], POLLIN, 0};
  return poll(&wait, 1, static_cast<int>(patience.count())) > 0;
}

}  // namespace trinity
