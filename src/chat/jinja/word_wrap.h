#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace trinity::jinja {

struct WrapOptions {
  size_t width = 79;  // in code points, above 0
  bool break_long_words = true;
  bool break_on_hyphens = true;
};

// The lines that Python's textwrap.wrap() makes of one line, one at a time; none if it is blank.
// Holds four times the size of an ASCII line.
class LineWrapper {
 public:
  LineWrapper(std::string_view line, const WrapOptions& options);
  // False where none is left.
  bool Next(std::string& line);

 private:
  bool Is(size_t i, bool (*predicate)(char32_t)) const;
  bool IsHyphen(size_t i) const;
  bool IsBlankPart(size_t begin, size_t end) const;
  // The end of the chunk at at_: lines may break between chunks.
  size_t ChunkEnd();
  size_t EndOf(size_t begin) const;
  size_t BlankEndOf(size_t begin) const;
  // The end of a dash of two or more hyphens before a word; `begin` if there is none.
  size_t DashEnd(size_t begin) const;
  // Whether a word may be broken behind the hyphen at `i`.
  bool IsHyphenBreak(size_t i) const;
  // How much of a chunk that no line can hold fills the rest of a line.
  size_t LongPart(size_t space) const;

  WrapOptions options_;
  std::vector<char32_t> chars_;
  size_t at_ = 0;  // of what is left
  size_t chunk_end_ = 0;
  bool is_first_ = true;
};

}  // namespace trinity::jinja
