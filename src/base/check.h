#pragma once

// TRINITY_CHECK(condition): states what a programmer must have made true. A failure is a defect of
// this program, never of its input: it prints the place and ends the process. Input is checked at
// the edges with Error instead.

namespace trinity {

[[noreturn]] void CheckFailed(const char* condition, const char* file, int line);

}  // namespace trinity

#define TRINITY_CHECK(condition)                       \
  (static_cast<bool>(condition) ? static_cast<void>(0) \
                                : ::trinity::CheckFailed(#condition, __FILE__, __LINE__))
