#include "cli/standard_output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

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

void HoldClosedDescriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    // The lowest that is free is taken: this one, because those below are held. With O_PATH there
    // is a place in the file system, which can neither be read nor written.
    if (fcntl(descriptor, F_GETFD) < 0) open("/", O_PATH);
  }
}

void IgnoreBrokenPipes() { std::signal(SIGPIPE, SIG_IGN); }

void WriteOutput(std::string_view text) {
  const int reason = WriteAll(STDOUT_FILENO, text);
  if (reason == EPIPE) throw OutputClosed();
  if (reason != 0) {
    throw OutputFailed(fmt::format("stdout: cannot be written: {}", std::strerror(reason)));
  }
}

void WriteNotice(std::string_view text) { WriteAll(STDERR_FILENO, text); }

bool NoticesAreShown() { return isatty(STDERR_FILENO) == 1; }

bool TerminalIsDumb() {
  const char* terminal = std::getenv("TERM");
  return terminal == nullptr || *terminal == '\0' || std::string_view(terminal) == "dumb";
}

}  // namespace trinity
