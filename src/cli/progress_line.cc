#include "cli/progress_line.h"

#include <fmt/format.h>

#include <utility>

#include "cli/standard_output.h"

namespace trinity {

ProgressLine::ProgressLine(std::string what) : what_(std::move(what)) {}

ProgressLine::~ProgressLine() {
  if (is_shown_) WriteNotice("\r\x1b[K");  // erases the line
}

void ProgressLine::Show(int64_t done_bytes, int64_t total_bytes) {
  constexpr std::chrono::milliseconds kInterval{100};
  const Clock::time_point now = Clock::now();
  // What is done before the first interval has passed needs no line.
  if (now - last_shown_ < kInterval || !NoticesAreShown() || TerminalIsDumb()) return;
  last_shown_ = now;
  is_shown_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const double done_gb = static_cast<double>(done_bytes) / 1e9;
  WriteNotice(fmt::format("\r{}: {:.2f} of {:.2f} GB, {:.2f} GB/s\x1b[K", what_, done_gb,
                          static_cast<double>(total_bytes) / 1e9, done_gb / seconds));
}

}  // namespace trinity
