#pragma once

#include <string>
#include <string_view>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// Methods of Python's str, and of markupsafe's Markup where that differs.

namespace trinity::jinja {

// The bound method `name` of a string; false where str has none (or where it needs bytes or
// translation tables: encode, translate, maketrans, which fail when they are called).
bool FindStringMethod(Runtime& runtime, const Value& string, std::string_view name, Value& out);

// str.strip(), with one character set or white space.
enum class Side { kLeft, kRight, kBoth };
std::string Strip(Runtime& runtime, std::string_view text, const Value& chars, Side side);

// The lines of a text as str.splitlines() has them, one at a time.
enum class LineEnds { kDrop, kKeep };
class LineReader {
 public:
  LineReader(std::string_view text, LineEnds ends) : rest_(text), ends_(ends) {}
  // False where none is left. The line lies in the text.
  bool Next(std::string_view& line);

 private:
  std::string_view rest_;
  LineEnds ends_;
};

// str.center() and its kin.
enum class Align { kLeft, kCenter, kRight };
std::string Pad(Runtime& runtime, const StringObject& string, Int width, std::string_view fill,
                Align align);

// separator.join(values): each must be a string.
Value Join(Runtime& runtime, const Value& separator, const Value& values);

}  // namespace trinity::jinja
