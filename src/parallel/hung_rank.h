#pragma once

#include <chrono>
#include <string_view>

namespace trinity {

// Ends the process with exit code 1 after a line on stderr, where another rank is a thread that
// hangs: nothing ends a thread from outside, and none that does not end can be joined. The only
// place that ends a process so; whatever is to be told to others must have been told. `loss`: why
// the group is at its end. `waited`: for the thread to hear of that.
[[noreturn]] void EndWithoutHungRank(int rank, std::string_view loss,
                                     std::chrono::milliseconds waited);

}  // namespace trinity
