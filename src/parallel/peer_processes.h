#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <vector>

namespace trinity {

// Where a process runs, in a size that all ranks know.
struct ProcessPlace {
  std::array<char, 128> host{};  // a running system, and the processes that see one another there
  int64_t pid = 0;

  static ProcessPlace OfThisProcess();
};

// The processes of a group, as far as they run on this host: their end is seen at once, where a
// message that does not come tells it only after a while.
class PeerProcesses {
 public:
  explicit PeerProcesses(std::span<const ProcessPlace> places);  // by rank
  PeerProcesses(const PeerProcesses&) = delete;
  PeerProcesses& operator=(const PeerProcesses&) = delete;
  ~PeerProcesses();

  // This one included.
  int num_on_host() const { return num_on_host_; }

  bool Sees(int rank) const { return files_[static_cast<size_t>(rank)] >= 0; }
  // False also where it cannot be seen.
  bool HasEnded(int rank) const { return AwaitEnd(rank, std::chrono::milliseconds(0)); }
  // Waits for its end, at most for `patience`; whether it has ended.
  bool AwaitEnd(int rank, std::chrono::milliseconds patience) const;

 private:
  int num_on_host_ = 0;
  std::vector<int> files_;  // that stand for the processes, by rank; -1: not to be seen from here
};

}  // namespace trinity
