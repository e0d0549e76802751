#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace trinity {

void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "trinity: internal error at %s:%d: %s does not hold\n", file, line,
               condition);
  std::abort();
}

}  // namespace trinity
