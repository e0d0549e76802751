#pragma once

#include <csignal>
#include <exception>

#include "base/cancel_token.h"

namespace trinity {

// The exit code of a command that Ctrl-C ended early, as shells have it.
inline constexpr int kInterruptedExitCode = 130;

// A command whose half-done work is worth nothing was interrupted.
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

// While it lives, the first Ctrl-C (SIGINT) or SIGTERM cancels `token`; a second one ends the
// process at once. One at a time.
class CancelOnInterrupt {
 public:
  explicit CancelOnInterrupt(CancelToken& token);
  CancelOnInterrupt(const CancelOnInterrupt&) = delete;
  CancelOnInterrupt& operator=(const CancelOnInterrupt&) = delete;
  ~CancelOnInterrupt();

 private:
  struct sigaction previous_interrupt_ {};
  struct sigaction previous_terminate_ {};
};

}  // namespace trinity
