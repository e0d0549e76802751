#include "cli/interrupt_note.h"

#include <atomic>

namespace trinity {
namespace {

std::atomic<CancelToken*> noted_token{nullptr};
static_assert(std::atomic<CancelToken*>::is_always_lock_free);  // a signal handler reads it

extern "C" void NoteInterrupt(int) {
  if (CancelToken* token = noted_token.load()) token->Cancel();
}

}  // namespace

InterruptNote::InterruptNote(CancelToken& token) {
  noted_token = &token;
  struct sigaction action {};
  action.sa_handler = NoteInterrupt;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &previous_);
}

InterruptNote::~InterruptNote() {
  sigaction(SIGINT, &previous_, nullptr);
  noted_token = nullptr;
}

}  // namespace trinity
