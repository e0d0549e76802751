#include "cli/terminal_signals.h"

#include <atomic>

namespace trinity {
namespace {

constexpr std::array kSignals = {SIGCONT, SIGTERM, SIGHUP};

std::array<std::atomic<bool>, kSignals.size()> noted;
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler writes it

std::atomic<bool>& NotedOf(int signal) {
  size_t i = 0;
  while (kSignals[i] != signal) ++i;
  return noted[i];
}

extern "C" void NoteTerminalSignal(int signal) { NotedOf(signal) = true; }

}  // namespace

TerminalSignals::TerminalSignals() {
  struct sigaction action {};
  action.sa_handler = NoteTerminalSignal;
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < kSignals.size(); ++i) {
    noted[i] = false;
    previous_[i].signal = kSignals[i];
    sigaction(kSignals[i], nullptr, &previous_[i].action);
    if (previous_[i].action.sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
  }
}

TerminalSignals::~TerminalSignals() {
  for (const Previous& previous : previous_) {
    sigaction(previous.signal, &previous.action, nullptr);
  }
}

bool TerminalSignals::Take(int signal) { return NotedOf(signal).exchange(false); }

void TerminalSignals::Deliver(int signal) {
  for (const Previous& previous : previous_) {
    if (previous.signal == signal) sigaction(signal, &previous.action, nullptr);
  }
  raise(signal);
}

}  // namespace trinity
