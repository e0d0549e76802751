#pragma once

#include <csignal>

#include "base/cancel_token.h"

namespace trinity {

// While it lives, Ctrl-C (SIGINT) cancels `token`, each time, and ends nothing; reads that wait are
// interrupted. One at a time.
class InterruptNote {
 public:
  explicit InterruptNote(CancelToken& token);
  InterruptNote(const InterruptNote&) = delete;
  InterruptNote& operator=(const InterruptNote&) = delete;
  ~InterruptNote();

 private:
  struct sigaction previous_ {};
};

}  // namespace trinity
