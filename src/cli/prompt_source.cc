#include "cli/prompt_source.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace trinity {
namespace {

constexpr size_t kMaxTextBytes = size_t{64} << 20;

void RefuseIfTooLong(const std::string& text, std::string_view origin) {
  if (text.size() > kMaxTextBytes) {
    Fail("{}: expected at most {} bytes of text, found more", origin, kMaxTextBytes);
  }
}

// Appends what one read gives; false at the end.
bool ReadSome(int descriptor, std::string_view origin, std::string& text) {
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = read(descriptor, buffer.data(), buffer.size());
    if (got >= 0) {
      text.append(buffer.data(), static_cast<size_t>(got));
      return got > 0;
    }
    if (errno != EINTR) {
      throw StorageError(fmt::format("{}: cannot be read: {}", origin, std::strerror(errno)));
    }
  }
}

std::string ReadAll(int descriptor, std::string_view origin) {
  std::string text;
  while (ReadSome(descriptor, origin, text)) RefuseIfTooLong(text, origin);
  return text;
}

std::string WithoutFinalNewline(std::string text) {
  if (text.ends_with('\n')) {
    text.pop_back();
    if (text.ends_with('\r')) text.pop_back();
  }
  return text;
}

}  // namespace

void PromptSource::AddTo(CommandLine& line) {
  line.AddText("-p,--prompt", prompt, "TEXT", "The prompt");
  line.AddText("-f,--file", file, "FILE",
               "Read the prompt from FILE (- for stdin), without its final newline; without -p and "
               "-f it comes from stdin");
}

std::string PromptSource::Read() const {
  if (prompt && file) throw UsageError("--prompt and --file: expected one of them, found both");
  if (prompt) return *prompt;
  if (file && *file != "-") return WithoutFinalNewline(ReadTextStream(*file));
  if (!file && isatty(STDIN_FILENO) == 1) {
    throw UsageError("no prompt: give one with -p TEXT, -f FILE or on stdin");
  }
  return WithoutFinalNewline(ReadStandardInput());
}

std::string ReadStandardInput() { return ReadAll(STDIN_FILENO, "stdin"); }

bool InputComesSoon() {
  pollfd input = {STDIN_FILENO, POLLIN, 0};
  return poll(&input, 1, 100) > 0;
}

std::optional<std::string> ReadInputLine(const CancelToken& interrupt) {
  static std::string buffered;  // read but not yet returned
  size_t searched = 0;
  while (true) {
    const size_t newline = buffered.find('\n', searched);
    if (newline != std::string::npos) {
      std::string line = buffered.substr(0, newline);
      buffered.erase(0, newline + 1);
      return line;
    }
    searched = buffered.size();
    RefuseIfTooLong(buffered, "stdin: one line");
    while (!InputComesSoon()) {
      if (!interrupt.is_cancelled()) continue;
      buffered.clear();
      return std::nullopt;
    }
    if (!ReadSome(STDIN_FILENO, "stdin", buffered)) {
      if (buffered.empty()) return std::nullopt;
      return std::exchange(buffered, {});
    }
  }
}

std::string ReadTextStream(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) Fail("{}: cannot be opened: {}", Printable(path), std::strerror(errno));
  try {
    std::string text = ReadAll(descriptor, Printable(path));
    close(descriptor);
    return text;
  } catch (...) {
    close(descriptor);
    throw;
  }
}

}  // namespace trinity
