#pragma once

#include <string>
#include <utility>

#include "base/error.h"

namespace trinity {

// Why a request to a server came to nothing. `kind` is what failures are counted by: "HTTP 429",
// "timeout"; the message says more.
class LoadFailure : public Error {
 public:
  LoadFailure(std::string kind, const std::string& message)
      : Error(message), kind_(std::move(kind)) {}

  const std::string& kind() const { return kind_; }

 private:
  std::string kind_;
};

}  // namespace trinity
