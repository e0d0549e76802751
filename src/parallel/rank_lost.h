#pragma once

#include "base/error.h"

namespace trinity {

// A rank of a group has ended, or does not answer any more: the group cannot go on. The message
// names it.
class RankLost : public Error {
 public:
  using Error::Error;
};

}  // namespace trinity
