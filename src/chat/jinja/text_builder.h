#pragma once

#include <string>
#include <string_view>

#include "base/utf8.h"
#include "chat/jinja/runtime.h"

namespace trinity::jinja {

// Of a text that is escaped on the way, so many bytes are gathered and then appended at once.
constexpr size_t kPieceBytes = 4096;

// A string of a rendering while it grows: the limits of one string and of memory hold before each
// piece is added, so that no text is built first and refused then.
class TextBuilder {
 public:
  explicit TextBuilder(Runtime& runtime) : runtime_(runtime) {}

  void Append(std::string_view piece) {
    Reserve(piece.size());
    text_ += piece;
  }
  void Append(char c) {
    Reserve(1);
    text_ += c;
  }
  void Append(size_t count, char c) {
    Reserve(count);
    text_.append(count, c);
  }
  void AppendCodePoint(char32_t c) {
    Reserve(4);
    AppendUtf8(c, text_);
  }

  bool IsEmpty() const { return text_.empty(); }
  // What was built; its memory is nobody's until it becomes a value.
  std::string Take() {
    charge_ = MemoryCharge();
    return std::move(text_);
  }

 private:
  void Reserve(size_t num_bytes) {
    runtime_.CheckBytes(text_.size() + num_bytes);
    runtime_.Extend(charge_, num_bytes);
  }

  Runtime& runtime_;
  MemoryCharge charge_;
  std::string text_;
};

}  // namespace trinity::jinja
