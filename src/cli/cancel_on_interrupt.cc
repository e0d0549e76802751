#include "cli/cancel_on_interrupt.h"

#include <atomic>

namespace trinity {
namespace {

std::atomic<CancelToken*> active_token{nullptr};
static_assert(std::atomic<CancelToken*>::is_always_lock_free);  // a signal handler reads it

extern "C" void CancelActiveToken(int) {
  if (CancelToken* token = active_token.load()) token->Cancel();
}

}  // namespace

CancelOnInterrupt::CancelOnInterrupt(CancelToken& token) {
  active_token = &token;
  struct sigaction action {};
  action.sa_handler = CancelActiveToken;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &previous_interrupt_);
  sigaction(SIGTERM, &action, &previous_terminate_);
}

CancelOnInterrupt::~CancelOnInterrupt() {
  sigaction(SIGINT, &previous_interrupt_, nullptr);
  sigaction(SIGTERM, &previous_terminate_, nullptr);
  active_token = nullptr;
}

}  // namespace trinity
