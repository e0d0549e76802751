#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace trinity {

// A program at a pseudo-terminal of its own, with a test as the person who types.
class PseudoTerminal {
 public:
  PseudoTerminal(const std::string& program, const std::vector<std::string>& arguments,
                 const std::vector<std::pair<std::string, std::string>>& environment);
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;
  ~PseudoTerminal();  // ends the program

  void Type(std::string_view text);
  // Reads until `text` has come after what was waited for before; false after 60 s or at the end.
  bool WaitFor(std::string_view text);
  // Gives the terminal other columns, which the program hears of.
  void Resize(unsigned short columns);
  void Signal(int signal);
  // Whether the terminal edits lines itself, as a shell leaves it; a program that edits takes that
  // over.
  bool EditsLines() const;
  void SetEditsLines();

  // What came between the last two successful waits, the last text included.
  const std::string& passage() const { return passage_; }
  // All that has come.
  const std::string& output() const { return output_; }
  // Reads to the end; the exit code, or -1 where a signal ended it or it did not end in 60 s.
  int AwaitExit();

 private:
  bool ReadSome(std::chrono::steady_clock::time_point deadline);

  pid_t pid_ = -1;
  int descriptor_ = -1;
  std::string output_;
  std::string passage_;
  size_t seen_ = 0;  // of output_
};

}  // namespace trinity
