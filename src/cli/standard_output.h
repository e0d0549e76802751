#pragma once

#include <exception>
#include <string_view>

#include "base/error.h"

namespace trinity {

// The reader of stdout has gone (`trinity run | head -1`): nothing is wrong, and nobody listens.
class OutputClosed : public std::exception {
 public:
  const char* what() const noexcept override { return "stdout is closed"; }
};

// What was written to stdout is not complete (disk full, say), and the rest would not be either.
class OutputFailed : public StorageError {
 public:
  using StorageError::StorageError;
};

// Takes the places of stdin, stdout and stderr where they are closed, so that no file that is
// opened later gets one of them: what goes to stdout would be written into it, and messages read
// from it. Reading and writing them fails as if they were closed. Call it once, first.
void HoldClosedDescriptors();

// A pipe without a reader then fails a write instead of ending the process. Call it once, first.
void IgnoreBrokenPipes();

// Writes all of `text` to stdout, unbuffered. Throws OutputClosed where its reader has gone, and
// OutputFailed for any other failure.
void WriteOutput(std::string_view text);

// Writes to stderr what is for people to see; failures are no matter.
void WriteNotice(std::string_view text);

bool NoticesAreShown();  // stderr is a terminal

// Whether TERM says that the terminal knows no escape codes, or says nothing.
bool TerminalIsDumb();

}  // namespace trinity
