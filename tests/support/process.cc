#include "tests/support/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>

extern char** environ;

namespace trinity {
namespace {

using Clock = std::chrono::steady_clock;

void Require(bool condition, const char* what) {
  if (!condition) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

struct Pipe {
  Pipe() { Require(pipe2(ends.data(), O_CLOEXEC) == 0, "pipe2"); }
  ~Pipe() {
    CloseEnd(0);
    CloseEnd(1);
  }
  void CloseEnd(size_t end) {
    if (ends[end] >= 0) close(ends[end]);
    ends[end] = -1;
  }
  int read_end() const { return ends[0]; }
  int write_end() const { return ends[1]; }

  std::array<int, 2> ends;
};

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

std::vector<std::string> Environment(const ProcessOptions& options) {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const auto is_replaced = [&](const auto& entry) { return text.starts_with(entry.first + "="); };
    if (std::none_of(options.environment.begin(), options.environment.end(), is_replaced)) {
      variables.push_back(text);
    }
  }
  for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
  return variables;
}

// A child process and the pipes to it.
class Child {
 public:
  Child(const std::string& program, const std::vector<std::string>& arguments,
        const ProcessOptions& options)
      : options_(options), deadline_(Clock::now() + options.timeout) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    if (options.input.empty()) {
      posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    } else {
      posix_spawn_file_actions_adddup2(&actions, in_.read_end(), STDIN_FILENO);
    }
    if (options.output_path) {
      posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, options.output_path->c_str(),
                                       O_WRONLY | O_CREAT | O_TRUNC, 0666);
    } else {
      posix_spawn_file_actions_adddup2(&actions, out_.write_end(), STDOUT_FILENO);
    }
    posix_spawn_file_actions_adddup2(&actions, err_.write_end(), STDERR_FILENO);
    for (const int descriptor : options.closed) {
      posix_spawn_file_actions_addclose(&actions, descriptor);
    }
    std::vector<std::string> texts = {program};
    texts.insert(texts.end(), arguments.begin(), arguments.end());
    std::vector<std::string> variables = Environment(options);
    // What this process ignores, the child shall not.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t defaults;
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGINT);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    errno = posix_spawn(&pid_, program.c_str(), &actions, &attributes, Pointers(texts).data(),
                        Pointers(variables).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    Require(errno == 0, program.c_str());
    in_.CloseEnd(0);
    out_.CloseEnd(1);
    err_.CloseEnd(1);
    fcntl(in_.write_end(), F_SETFL, O_NONBLOCK);
    if (options.input.empty()) in_.CloseEnd(1);
  }

  ProcessResult Finish() {
    while (out_.read_end() >= 0 || err_.read_end() >= 0) {
      if (!Exchange()) break;
    }
    AwaitEnd();
    return std::move(result_);
  }

 private:
  // Moves what can be moved; false when the time is over.
  bool Exchange() {
    std::array<pollfd, 3> waits = {{{in_.write_end(), POLLOUT, 0},
                                    {out_.read_end(), POLLIN, 0},
                                    {err_.read_end(), POLLIN, 0}}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - Clock::now()).count();
    if (left <= 0) return false;
    poll(waits.data(), waits.size(), static_cast<int>(left));
    if (waits[0].revents != 0) Feed();
    if (waits[1].revents != 0) Take(out_, result_.out);
    if (waits[2].revents != 0) Take(err_, result_.err);
    if (options_.close_output_after && result_.out.size() >= *options_.close_output_after) {
      out_.CloseEnd(0);
    }
    if (options_.interrupt_after && !interrupted_ &&
        result_.out.size() >= *options_.interrupt_after) {
      interrupted_ = true;
      kill(pid_, SIGINT);
    }
    return true;
  }

  void Feed() {
    const ssize_t put =
        write(in_.write_end(), options_.input.data() + fed_, options_.input.size() - fed_);
    if (put > 0) fed_ += static_cast<size_t>(put);
    const bool has_failed = put < 0 && errno != EAGAIN;
    if (has_failed || fed_ == options_.input.size()) in_.CloseEnd(1);
  }

  static void Take(Pipe& pipe, std::string& text) {
    std::array<char, 4096> buffer;
    const ssize_t got = read(pipe.read_end(), buffer.data(), buffer.size());
    if (got > 0) {
      text.append(buffer.data(), static_cast<size_t>(got));
    } else {
      pipe.CloseEnd(0);
    }
  }

  void AwaitEnd() {
    int status = 0;
    while (waitpid(pid_, &status, WNOHANG) == 0) {
      if (Clock::now() > deadline_) {
        result_.timed_out = true;
        kill(pid_, SIGKILL);
        waitpid(pid_, &status, 0);
        break;
      }
      usleep(1000);
    }
    if (WIFEXITED(status)) result_.exit_code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) result_.signal = WTERMSIG(status);
  }

  const ProcessOptions& options_;
  Clock::time_point deadline_;
  pid_t pid_ = -1;
  Pipe in_;
  Pipe out_;
  Pipe err_;
  size_t fed_ = 0;
  bool interrupted_ = false;
  ProcessResult result_;
};

}  // namespace

ProcessResult RunProcess(const std::string& program, const std::vector<std::string>& arguments,
                         const ProcessOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // a child may end before it has read its input
  return Child(program, arguments, options).Finish();
}

}  // namespace trinity
