#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace trinity {

// One line on stderr that follows a long transfer, where stderr is a terminal that is not dumb:
// bytes and GB/s. Gone when it is destroyed.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what);  // "loading weights"
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine();

  void Show(int64_t done_bytes, int64_t total_bytes);

 private:
  using Clock = std::chrono::steady_clock;

  std::string what_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_shown_ = start_;
  bool is_shown_ = false;
};

}  // namespace trinity
