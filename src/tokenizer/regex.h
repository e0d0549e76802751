#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct re_pattern_buffer;  // of Oniguruma

namespace trinity {

// How much work the regexes of a tokenizer.json may cost on one text. A pattern comes from a file
// that may be hostile, so each limit ends in an Error, never in a hang or in unbounded memory.
struct RegexLimits {
  // Backtracking of one search with a known regex, and so much more for each byte of the text.
  uint64_t retries = 1'000'000;
  uint64_t retries_per_byte = 32;
  // Between two retries Oniguruma may read the rest of the piece: for other regexes retries times
  // bytes of the piece are limited too.
  uint64_t retried_bytes = 10'000'000'000;
  // Seconds of this thread's clock for all searches in one text together, and for each byte of it.
  double cpu_seconds = 5.0;
  double cpu_seconds_per_byte = 1e-5;
  // In longer pieces the clock is looked at between the places where other regexes may match.
  size_t long_piece_bytes = 65536;
};

// Where a pattern comes from.
enum class RegexOrigin {
  kFile,   // anywhere
  kKnown,  // it is one that this program knows to take linear time
};

class RegexSearch;

// A regular expression in the syntax of Oniguruma, which is the engine behind tokenizer.json, with
// the general categories of Unicode 16. Immutable and thread-safe.
class Regex {
 public:
  // Throws Error, beginning with `where`, if the pattern does not compile or uses what can cost
  // without bound: calls, backreferences, conditions, callouts, absence, or unbounded lookaround
  // and atomic groups inside a repeated group.
  Regex(std::string pattern, std::string_view where, RegexOrigin origin = RegexOrigin::kFile);
  Regex(Regex&&) noexcept = default;
  Regex& operator=(Regex&&) noexcept = default;

  const std::string& pattern() const { return pattern_; }

 private:
  friend class RegexSearch;
  struct Free {
    void operator()(re_pattern_buffer* compiled) const;
  };

  std::string pattern_;
  std::unique_ptr<re_pattern_buffer, Free> compiled_;
  RegexOrigin origin_;
  bool uses_search_start_ = false;  // \G
};

// The state of searching one text with any number of regexes, and the work done so far. Not
// thread-safe.
class RegexSearch {
 public:
  explicit RegexSearch(size_t text_bytes, const RegexLimits& limits = {});
  RegexSearch(const RegexSearch&) = delete;
  RegexSearch& operator=(const RegexSearch&) = delete;
  ~RegexSearch();

  struct Match {
    size_t begin;
    size_t end;
  };

  // Calls on_match(begin, end) for each match in `piece` (valid UTF-8), from left to right. Each
  // search begins where the last match ended; an empty match there is passed over.
  template <typename OnMatch>
  void ForEachMatch(const Regex& regex, std::string_view piece, OnMatch&& on_match) {
    BeginPiece(regex, piece);
    std::optional<size_t> last_end;
    size_t from = 0;
    while (from <= piece.size()) {
      const std::optional<Match> match = Find(regex, piece, from);
      if (!match) return;
      if (match->begin == match->end && match->end == last_end) {
        from = NextCharacter(piece, from);
        continue;
      }
      from = match->end;
      last_end = match->end;
      on_match(match->begin, match->end);
    }
  }

 private:
  struct Engine;

  void BeginPiece(const Regex& regex, std::string_view piece);
  std::optional<Match> Find(const Regex& regex, std::string_view piece, size_t from);
  std::optional<Match> FindByAttempts(const Regex& regex, std::string_view piece, size_t from);
  void CheckClock(const Regex& regex);
  [[noreturn]] void FailFor(const Regex& regex, int code) const;
  static size_t NextCharacter(std::string_view piece, size_t at);

  RegexLimits limits_;
  size_t text_bytes_;
  double cpu_limit_;  // seconds of this thread's clock
  uint64_t num_clock_checks_ = 0;
  std::unique_ptr<Engine> engine_;
};

}  // namespace trinity
