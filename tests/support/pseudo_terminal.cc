#include "tests/support/pseudo_terminal.h"

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

namespace trinity {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::seconds kPatience{60};

}  // namespace

PseudoTerminal::PseudoTerminal(
    const std::string& program, const std::vector<std::string>& arguments,
    const std::vector<std::pair<std::string, std::string>>& environment) {
  std::vector<std::string> texts = {program};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  winsize size = {40, 120, 0, 0};
  pid_ = forkpty(&descriptor_, nullptr, nullptr, &size);
  if (pid_ < 0) throw std::runtime_error(std::string("forkpty: ") + std::strerror(errno));
  if (pid_ == 0) {
    for (const auto& [name, value] : environment) setenv(name.c_str(), value.c_str(), 1);
    std::signal(SIGPIPE, SIG_DFL);
    execv(program.c_str(), pointers.data());
    _exit(127);
  }
}

PseudoTerminal::~PseudoTerminal() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  close(descriptor_);
}

void PseudoTerminal::Type(std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = write(descriptor_, text.data(), text.size());
    if (put <= 0) return;
    text.remove_prefix(static_cast<size_t>(put));
  }
}

void PseudoTerminal::Resize(unsigned short columns) {
  const winsize size = {40, columns, 0, 0};
  if (ioctl(descriptor_, TIOCSWINSZ, &size) != 0) throw std::runtime_error("TIOCSWINSZ failed");
}

void PseudoTerminal::Signal(int signal) { kill(pid_, signal); }

bool PseudoTerminal::EditsLines() const {
  termios modes{};
  tcgetattr(descriptor_, &modes);
  return (modes.c_lflag & ICANON) != 0;
}

void PseudoTerminal::SetEditsLines() {
  termios modes{};
  tcgetattr(descriptor_, &modes);
  modes.c_lflag |= ICANON | ECHO;
  tcsetattr(descriptor_, TCSANOW, &modes);
}

bool PseudoTerminal::ReadSome(Clock::time_point deadline) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
  if (left <= 0) return false;
  pollfd wait = {descriptor_, POLLIN, 0};
  if (poll(&wait, 1, static_cast<int>(left)) <= 0) return false;
  std::array<char, 4096> buffer;
  const ssize_t got = read(descriptor_, buffer.data(), buffer.size());
  if (got <= 0) return false;  // EIO: the program has ended
  output_.append(buffer.data(), static_cast<size_t>(got));
  return true;
}

bool PseudoTerminal::WaitFor(std::string_view text) {
  const Clock::time_point deadline = Clock::now() + kPatience;
  size_t found = output_.find(text, seen_);
  while (found == std::string::npos) {
    if (!ReadSome(deadline)) return false;
    found = output_.find(text, seen_);
  }
  passage_ = output_.substr(seen_, found + text.size() - seen_);
  seen_ = found + text.size();
  return true;
}

int PseudoTerminal::AwaitExit() {
  const Clock::time_point deadline = Clock::now() + kPatience;
  while (ReadSome(deadline)) {
  }
  int status = 0;
  while (waitpid(pid_, &status, WNOHANG) == 0) {
    if (Clock::now() > deadline) return -1;
    usleep(1000);
  }
  pid_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace trinity
