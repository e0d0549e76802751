#include "cli/standard_output.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace trinity {
namespace {

// 0, or the errno of what failed.
int WriteAll(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = write(descriptor, text.data(), text.size());
    if (put >= 0) {
      text.remove_prefix(static_cast<size_t>(put));
    } else if (errno == EAGAIN) {
      // Somebody made the descriptor non-blocking for all who share it.
      pollfd wait = {descriptor, POLLOUT, 0};
      poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

void IgnoreBrokenPipes() { std::signal(SIGPIPE, SIG_IGN); }

void WriteOutput(std::string_view text) {
  const int reason = WriteAll(STDOUT_FILENO, text);
  if (reason == EPIPE) throw OutputClosed();
  if (reason != 0) {
    throw StorageError(fmt::format("stdout: cannot be written: {}", std::strerror(reason)));
  }
}

void WriteNotice(std::string_view text) { WriteAll(STDERR_FILENO, text); }

bool NoticesAreShown() { return isatty(STDERR_FILENO) == 1; }

bool TerminalIsDumb() {
  const char* terminal = std::getenv("TERM");
  return terminal == nullptr || *terminal == '\0' || std::string_view(terminal) == "dumb";
}

}  // namespace trinity
