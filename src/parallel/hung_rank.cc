#include "parallel/hung_rank.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

namespace trinity {

void EndWithoutHungRank(int rank, std::string_view loss, std::chrono::milliseconds waited) {
  fmt::print(stderr,
             "trinity: {}; the thread of rank {} did not hear of it for {} s, the process ends "
             "without it\n",
             loss, rank, std::chrono::duration<double>(waited).count());
  std::fflush(nullptr);
  // No destructors: the thread may be in the middle of whatever they would destroy.
  std::_Exit(EXIT_FAILURE);
}

}  // namespace trinity
