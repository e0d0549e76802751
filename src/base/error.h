#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace trinity {

// What is wrong with something that came from outside: a file, a flag, a config value, a request.
// The message is one line that says what, where, expected and found. Caught in cli/main.cc (exit
// 1).
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The command was called wrongly: exit 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

// A file that was good when it was opened failed later: truncated, removed, disk error.
class StorageError : public Error {
 public:
  using Error::Error;
};

// Throws Error with the formatted message: Fail("{}: expected {}, found {}", file, want, got).
template <typename... Args>
[[noreturn]] void Fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

// `text` with control characters and bytes that are not UTF-8 escaped, cut after `max_bytes`: fit
// to stand in a one-line message whatever a hostile file holds.
std::string Printable(std::string_view text, size_t max_bytes = 120);

}  // namespace trinity
