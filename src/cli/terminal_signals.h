#pragma once

#include <array>
#include <csignal>

namespace trinity {

// While it lives, signals that give the terminal back (SIGCONT) or end the program at it (SIGTERM,
// SIGHUP) are noted instead of acted on. Those that the program ignores stay ignored. One at a
// time.
class TerminalSignals {
 public:
  TerminalSignals();
  TerminalSignals(const TerminalSignals&) = delete;
  TerminalSignals& operator=(const TerminalSignals&) = delete;
  ~TerminalSignals();

  // Whether the signal has come since this was asked last.
  static bool Take(int signal);
  // Acts on `signal` as if this object were not there.
  void Deliver(int signal);

 private:
  struct Previous {
    int signal;
    struct sigaction action;
  };
  std::array<Previous, 3> previous_;
};

}  // namespace trinity
