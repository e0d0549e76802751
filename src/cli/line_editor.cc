#include "cli/line_editor.h"

#include <fmt/format.h>
#include <histedit.h>
#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <string_view>

#include "base/utf8.h"
#include "cli/prompt_source.h"
#include "cli/standard_output.h"
#include "cli/terminal_signals.h"

namespace trinity {
namespace {

constexpr int kHistorySize = 1000;

// The editing library drops what is not ASCII unless the locale says UTF-8.
void UseUtf8() {
  std::setlocale(LC_CTYPE, "");
  if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
}

std::wstring Widen(std::string_view text) {
  std::wstring wide;
  while (!text.empty()) {
    const Utf8Char character = DecodeUtf8(text);
    wide += static_cast<wchar_t>(character.code_point);
    text.remove_prefix(character.num_bytes);
  }
  return wide;
}

// The columns that text takes on a terminal.
size_t WidthOf(std::wstring_view text) {
  size_t width = 0;
  for (const wchar_t character : text)
    width += static_cast<size_t>(std::max(wcwidth(character), 0));
  return width;
}

std::string Narrow(const wchar_t* text) {
  std::string narrow;
  for (; *text != L'\0'; ++text) AppendUtf8(static_cast<char32_t>(*text), narrow);
  return narrow;
}

}  // namespace

bool ShowsColours(int descriptor) {
  const char* no_color = std::getenv("NO_COLOR");
  const bool is_wanted = no_color == nullptr || *no_color == '\0';
  return is_wanted && isatty(descriptor) == 1 && !TerminalIsDumb();
}

// A terminal with editing.
class LineEditor::Terminal {
 public:
  Terminal() {
    UseUtf8();
    editor_ = el_init("trinity", stdin, stderr, stderr);
    history_ = history_winit();
    HistEventW event;
    history_w(history_, &event, H_SETSIZE, kHistorySize);
    history_w(history_, &event, H_SETUNIQUE, 1);
    el_wset(editor_, EL_CLIENTDATA, this);
    el_wset(editor_, EL_PROMPT, Prompt);
    el_wset(editor_, EL_EDITOR, L"emacs");
    el_wset(editor_, EL_SIGNAL, 0);
    el_wset(editor_, EL_GETCFN, ReadCharacter);
    el_wset(editor_, EL_HIST, history_w, history_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    history_wend(history_);
    el_end(editor_);
  }

  Result ReadLine(const std::string& prompt, const CancelToken& interrupt) {
    prompt_ = Widen(prompt);
    interrupt_ = &interrupt;
    TerminalSignals signals;
    signals_ = &signals;
    el_resize(editor_);
    num_columns_ = NumColumns();
    // Before the prompt, or the terminal itself echoes what is typed right after it.
    el_wset(editor_, EL_PREP_TERM, 1);
    int length = 0;
    const wchar_t* line = el_wgets(editor_, &length);
    if (line == nullptr || length <= 0) {
      return {interrupt.is_cancelled() ? Outcome::kInterrupted : Outcome::kEnd, ""};
    }
    std::string text = Narrow(line);
    if (text.ends_with('\n')) text.pop_back();
    if (text.find_first_not_of(' ') != text.npos) {
      HistEventW event;
      history_w(history_, &event, H_ENTER, Widen(text).c_str());
    }
    return {Outcome::kLine, std::move(text)};
  }

 private:
  static Terminal& Of(EditLine* editor) {
    void* data = nullptr;
    el_wget(editor, EL_CLIENTDATA, &data);
    return *static_cast<Terminal*>(data);
  }

  static wchar_t* Prompt(EditLine* editor) { return Of(editor).prompt_.data(); }

  // One character from the terminal: 1, 0 at the end, -1 for an error or Ctrl-C.
  static int ReadCharacter(EditLine* editor, wchar_t* character) {
    Terminal& terminal = Of(editor);
    while (true) {
      if (terminal.interrupt_->is_cancelled()) {
        terminal.typed_.clear();
        return -1;
      }
      terminal.HeedTerminal();
      if (terminal.TakeCharacter(*character)) return 1;
      if (!InputComesSoon()) continue;
      char byte = 0;
      const ssize_t got = read(STDIN_FILENO, &byte, 1);
      if (got == 0) return 0;
      if (got > 0) terminal.typed_ += byte;
      if (got < 0 && errno != EINTR) return -1;
    }
  }

  // The first character of what was typed. Bytes that are none leave those after them alone.
  bool TakeCharacter(wchar_t& character) {
    if (typed_.empty()) return false;
    const Utf8Char decoded = DecodeUtf8(typed_);
    if (!decoded.valid && decoded.truncated) return false;
    character = static_cast<wchar_t>(decoded.code_point);
    typed_.erase(0, decoded.num_bytes);
    return true;
  }

  void HeedTerminal() {
    for (const int signal : {SIGTERM, SIGHUP}) {
      if (!TerminalSignals::Take(signal)) continue;
      el_wset(editor_, EL_PREP_TERM, 0);  // the shell wants its terminal back
      signals_->Deliver(signal);
    }
    if (TerminalSignals::Take(SIGCONT)) {
      // The shell has had the terminal in between. It may have another size, too.
      el_wset(editor_, EL_PREP_TERM, 0);
      el_wset(editor_, EL_PREP_TERM, 1);
      PaintAgain(0);
    }
    if (NumColumns() != num_columns_) PaintAgain(RowOfCursor());
  }

  // Which row of the line the cursor stands in, on a terminal that has wrapped the line anew.
  size_t RowOfCursor() const {
    const LineInfoW* line = el_wline(editor_);
    const std::wstring_view before(line->buffer, static_cast<size_t>(line->cursor - line->buffer));
    return (WidthOf(prompt_) + WidthOf(before)) / NumColumns();
  }

  void PaintAgain(size_t num_rows_above) {
    if (num_rows_above > 0) WriteNotice(fmt::format("\x1b[{}A", num_rows_above));
    WriteNotice("\r\x1b[J");  // clears from here to the end of the screen
    num_columns_ = NumColumns();
    el_resize(editor_);
    el_wset(editor_, EL_REFRESH);
  }

  static size_t NumColumns() {
    winsize size{};
    const bool is_known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return is_known ? size.ws_col : 80;
  }

  EditLine* editor_;
  HistoryW* history_;
  std::wstring prompt_;
  const CancelToken* interrupt_ = nullptr;
  TerminalSignals* signals_ = nullptr;
  size_t num_columns_ = 0;
  std::string typed_;  // bytes that are not yet taken
};

LineEditor::LineEditor() {
  const bool edits = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1 && !TerminalIsDumb();
  if (edits) terminal_ = std::make_unique<Terminal>();
}

LineEditor::~LineEditor() = default;

LineEditor::Result LineEditor::ReadLine(const std::string& prompt, const CancelToken& interrupt) {
  if (terminal_) return terminal_->ReadLine(prompt, interrupt);
  if (isatty(STDIN_FILENO) == 1) WriteNotice(prompt);
  std::optional<std::string> line = ReadInputLine(interrupt);
  if (!line) return {interrupt.is_cancelled() ? Outcome::kInterrupted : Outcome::kEnd, ""};
  if (line->ends_with('\r')) line->pop_back();
  return {Outcome::kLine, std::move(*line)};
}

}  // namespace trinity
