#include "cli/peak_memory.h"

#include <fstream>
#include <string>

namespace trinity {

int64_t PeakMemoryBytes() {
  // Not getrusage: its number includes what the parent had before this program was loaded.
  std::ifstream status("/proc/self/status");
  constexpr int64_t kBytesPerKiB = 1024;
  for (std::string word; status >> word;) {
    int64_t peak_kib = 0;
    if (word == "VmHWM:" && status >> peak_kib) return peak_kib * kBytesPerKiB;
  }
  return 0;
}

}  // namespace trinity
