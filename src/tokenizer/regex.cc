#include "tokenizer/regex.h"

#include <oniguruma.h>

#include <array>
#include <ctime>
#include <mutex>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "base/utf8.h"
#include "tokenizer/code_point_set.h"
#include "tokenizer/regex_safety.h"

namespace trinity {
namespace {

constexpr size_t kMaxPatternBytes = 16384;
constexpr unsigned int kMaxParseDepth = 256;
constexpr int kMaxCaptures = 256;
constexpr uint64_t kChecksPerClock = 64;
constexpr uint64_t kMaxStackEntries = uint64_t{1} << 26;

// The categories that tokenizers' regexes name. Oniguruma takes at most 20 definitions.
constexpr std::array<const char*, 15> kDefinedProperties = {
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "N", "Nd", "Nl", "No", "P", "S"};

const OnigUChar* Bytes(const char* text) { return reinterpret_cast<const OnigUChar*>(text); }

// The ranges as Oniguruma takes them: their number, then first and last of each.
std::vector<OnigCodePoint> Packed(const std::vector<CodePointRange>& ranges) {
  std::vector<OnigCodePoint> packed = {static_cast<OnigCodePoint>(ranges.size())};
  for (const CodePointRange& range : ranges) {
    packed.push_back(range.first);
    packed.push_back(range.last);
  }
  return packed;
}

// Oniguruma 6.9.8 knows Unicode 14. Overriding the categories makes its answers those of the
// reference for characters assigned since. The library keeps pointers to the ranges.
void InitializeOniguruma() {
  static std::once_flag once;
  std::call_once(once, [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    TRINITY_CHECK(onig_initialize(encodings, 1) == ONIG_NORMAL);
    onig_set_parse_depth_limit(kMaxParseDepth);
    onig_set_capture_num_limit(kMaxCaptures);
    static std::array<std::vector<OnigCodePoint>, kDefinedProperties.size()> ranges;
    for (size_t i = 0; i < ranges.size(); ++i) {
      ranges[i] = Packed(RangesOfCategories(kDefinedProperties[i]));
      TRINITY_CHECK(onig_unicode_define_user_property(kDefinedProperties[i], ranges[i].data()) ==
                    ONIG_NORMAL);
    }
  });
}

std::string MessageOf(int code, OnigErrorInfo* info) {
  std::array<OnigUChar, ONIG_MAX_ERROR_MESSAGE_LEN> message;
  const int length = onig_error_code_to_str(message.data(), code, info);
  return Printable(std::string_view(reinterpret_cast<const char*>(message.data()),
                                    static_cast<size_t>(std::max(length, 0))));
}

double ThreadCpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace

void Regex::Free::operator()(re_pattern_buffer* compiled) const { onig_free(compiled); }

Regex::Regex(std::string pattern, std::string_view where, RegexOrigin origin)
    : pattern_(std::move(pattern)), origin_(origin) {
  if (pattern_.size() > kMaxPatternBytes) {
    Fail("{}: expected a regex of at most {} bytes, found {}", where, kMaxPatternBytes,
         pattern_.size());
  }
  const RegexSafety safety = InspectRegex(pattern_);
  if (safety.refused) {
    Fail("{}: the regex \"{}\" uses {}, which is not supported", where, Printable(pattern_),
         *safety.refused);
  }
  uses_search_start_ = safety.uses_search_start;
  InitializeOniguruma();
  // Compiling reads shared tables of the library that it also extends.
  static std::mutex mutex;
  const std::lock_guard<std::mutex> lock(mutex);
  OnigErrorInfo info{};
  regex_t* compiled = nullptr;
  const OnigUChar* begin = Bytes(pattern_.data());
  const int result = onig_new(&compiled, begin, begin + pattern_.size(), ONIG_OPTION_NONE,
                              ONIG_ENCODING_UTF8, ONIG_SYNTAX_ONIGURUMA, &info);
  if (result != ONIG_NORMAL) {
    Fail("{}: the regex \"{}\" does not compile: {}", where, Printable(pattern_),
         MessageOf(result, &info));
  }
  compiled_.reset(compiled);
}

struct RegexSearch::Engine {
  OnigRegion* region = onig_region_new();
  OnigMatchParam* parameters = onig_new_match_param();
  Engine() { TRINITY_CHECK(region != nullptr && parameters != nullptr); }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() {
    onig_region_free(region, 1);
    onig_free_match_param(parameters);
  }
};

RegexSearch::RegexSearch(size_t text_bytes, const RegexLimits& limits)
    : limits_(limits),
      text_bytes_(text_bytes),
      cpu_limit_(ThreadCpuSeconds() + limits.cpu_seconds +
                 limits.cpu_seconds_per_byte * static_cast<double>(text_bytes)),
      engine_(std::make_unique<Engine>()) {
  InitializeOniguruma();
  onig_initialize_match_param(engine_->parameters);
  // A sound pattern keeps about one way back for each byte.
  const uint64_t entries = std::min<uint64_t>(4096 + 4 * uint64_t{text_bytes}, kMaxStackEntries);
  onig_set_match_stack_limit_size_of_match_param(engine_->parameters,
                                                 static_cast<unsigned int>(entries));
}

RegexSearch::~RegexSearch() = default;

void RegexSearch::BeginPiece(const Regex& regex, std::string_view piece) {
  uint64_t retries = limits_.retries + limits_.retries_per_byte * text_bytes_;
  if (regex.origin_ != RegexOrigin::kKnown) {
    retries = std::min<uint64_t>(retries, 1000 + limits_.retried_bytes / (piece.size() + 1));
    if (regex.uses_search_start_ && piece.size() > limits_.long_piece_bytes) {
      Fail(
          "the regex \"{}\" of the tokenizer uses \\G: expected a piece of at most {} bytes, "
          "found {}",
          Printable(regex.pattern_), limits_.long_piece_bytes, piece.size());
    }
  }
  onig_set_retry_limit_in_match_of_match_param(engine_->parameters, retries);
  onig_set_retry_limit_in_search_of_match_param(engine_->parameters, 4 * retries);
}

void RegexSearch::CheckClock(const Regex& regex) {
  if (++num_clock_checks_ % kChecksPerClock != 0 || ThreadCpuSeconds() < cpu_limit_) return;
  Fail("the regex \"{}\" of the tokenizer takes too long on a text of {} bytes",
       Printable(regex.pattern_), text_bytes_);
}

void RegexSearch::FailFor(const Regex& regex, int code) const {
  Fail("the regex \"{}\" of the tokenizer takes too much on a text of {} bytes: {}",
       Printable(regex.pattern_), text_bytes_, MessageOf(code, nullptr));
}

std::optional<RegexSearch::Match> RegexSearch::Find(const Regex& regex, std::string_view piece,
                                                    size_t from) {
  if (regex.origin_ != RegexOrigin::kKnown && piece.size() > limits_.long_piece_bytes) {
    return FindByAttempts(regex, piece, from);
  }
  CheckClock(regex);
  const OnigUChar* begin = Bytes(piece.data());
  const OnigUChar* end = begin + piece.size();
  const int result = onig_search_with_param(regex.compiled_.get(), begin, end, begin + from, end,
                                            engine_->region, ONIG_OPTION_NONE, engine_->parameters);
  if (result == ONIG_MISMATCH) return std::nullopt;
  if (result < 0) FailFor(regex, result);
  return Match{static_cast<size_t>(engine_->region->beg[0]),
               static_cast<size_t>(engine_->region->end[0])};
}

// Tries one place after the other. A search of Oniguruma cannot be limited to places: its range
// also limits how far a match may reach.
std::optional<RegexSearch::Match> RegexSearch::FindByAttempts(const Regex& regex,
                                                              std::string_view piece, size_t from) {
  const OnigUChar* begin = Bytes(piece.data());
  const OnigUChar* end = begin + piece.size();
  for (size_t at = from; at <= piece.size(); at = NextCharacter(piece, at)) {
    CheckClock(regex);
    const int result = onig_match_with_param(regex.compiled_.get(), begin, end, begin + at, nullptr,
                                             ONIG_OPTION_NONE, engine_->parameters);
    if (result >= 0) return Match{at, at + static_cast<size_t>(result)};
    if (result != ONIG_MISMATCH) FailFor(regex, result);
  }
  return std::nullopt;
}

size_t RegexSearch::NextCharacter(std::string_view piece, size_t at) {
  return at + (at < piece.size() ? DecodeUtf8(piece.substr(at)).num_bytes : 1);
}

}  // namespace trinity
