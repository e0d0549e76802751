#pragma once

#include "base/error.h"

namespace trinity {

// The prompt does not fit the context, by itself. The message holds both counts.
class PromptTooLong : public Error {
 public:
  using Error::Error;
};

// Too many requests or tokens wait: the same request may be taken later.
class QueueFull : public Error {
 public:
  using Error::Error;
};

// The engine takes no requests any more: it drains, was stopped, or has failed.
class EngineClosed : public Error {
 public:
  using Error::Error;
};

}  // namespace trinity
