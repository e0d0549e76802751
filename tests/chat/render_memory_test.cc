#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "chat/jinja/jinja_template.h"

// The sanitizers have allocation functions of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {

std::atomic<int64_t> live_bytes{0};
std::atomic<int64_t> peak_bytes{0};

void Release(void* memory) {
  live_bytes -= static_cast<int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

// All of the program's allocations are counted. Not inline, or a compiler takes std::free for the
// wrong partner of operator new.
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  live_bytes += static_cast<int64_t>(malloc_usable_size(memory));
  if (live_bytes > peak_bytes) peak_bytes = live_bytes.load();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { Release(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { Release(memory); }

namespace trinity::jinja {
namespace {

constexpr size_t kStringBytes = 256 << 10;
constexpr size_t kMemoryBytes = 8 * kStringBytes;
// Beside the limit stands what std::string takes more when it grows.
constexpr size_t kMostBytes = 12 * kStringBytes;

// How much a rendering has allocated at most, whether it ends in an error or not. `s` is `piece`
// over and over, the longest text that is allowed.
size_t PeakOf(const std::string& text, const std::string& piece) {
  RenderLimits limits;
  limits.max_string_bytes = kStringBytes;
  limits.max_output_bytes = kStringBytes;
  limits.max_memory_bytes = kMemoryBytes;
  limits.max_items = 5000;
  const auto parsed = JinjaTemplate::Parse(text, "t");
  std::string repeated;
  while (repeated.size() + piece.size() <= kStringBytes) repeated += piece;
  const Json context = {{"s", std::move(repeated)}};
  peak_bytes = live_bytes.load();
  const int64_t before = live_bytes;
  try {
    parsed.Render(context, limits);
  } catch (const Error&) {
  }
  return static_cast<size_t>(peak_bytes - before);
}

constexpr const char* kExpressions[] = {
    "s.split(s[0])",
    "s.rsplit(s[0])",
    "s.split()",
    "s.rsplit()",
    "s.split(none, 9)",
    "s.splitlines()",
    "s.splitlines(true)",
    "s|wordwrap(1)",
    "s|wordwrap(1, false)",
    "s|wordwrap(50)",
    "s|wordwrap(1, true, s)",
    "s|indent",
    "s|indent(s)",
    "s.upper()",
    "s.lower()",
    "s.title()",
    "s|title",
    "s.capitalize()",
    "s.casefold()",
    "s.swapcase()",
    "s|upper",
    "s[::-1]",
    "s[::2]",
    "s|urlencode",
    "{s: s}|urlencode",
    "s|replace('', s)",
    "s.replace(s[0], s)",
    "s.replace(s[0], '')",
    "s|join(s)",
    "s.join(s)",
    "[s, s, s]|join",
    "s|tojson",
    "s|tojson(ensure_ascii=true)",
    "[s]|string",
    "'%r' % s",
    "'%a' % s",
    "'%.3s' % s",
    "'%s%s' % (s, s)",
    "'{0}{0}'.format(s)",
    "'{!r}'.format(s)",
    "'{!a}'.format(s)",
    "'{:.3}'.format(s)",
    "s.format()",
    "'{:' ~ s ~ '}'.format(1)",
    "s|e",
    "s|forceescape",
    "(s|safe)|e",
    "(s|safe) + s",
    "('x'|safe).join([s, s])",
    "{'k': s}|xmlattr",
    "s|striptags",
    "s|wordcount ~ ''",
    "s.strip()",
    "s.strip(s)",
    "s|trim(s)",
    "s.center(250000, 'ü')",
    "s.ljust(262145)",
    "s.zfill(262145)",
    "s.expandtabs(4096)",
    "s.translate({32: s})",
    "s.translate(s.maketrans(s, s))",
    "s.isalpha() ~ ''",
    "s.isidentifier() ~ ''",
    "s.istitle() ~ ''",
    "s.find(s) ~ ''",
    "s.rfind(s) ~ ''",
    "s.partition(s)",
    "s|list",
    "s|batch(2)|list",
    "s|slice(2)|list",
    "s|unique|list",
    "s|sort",
    "s|reverse",
    "[s, s]|sort",
    "strftime_now(s)",
    "strftime_now('%c' * 100000)",
    "s ~ s",
    "s + s",
    "s * 2",
    "{}[s] ~ ''",
    "s|int ~ ''",
    "s|float ~ ''",
    "s|truncate(9)",
    "s|pprint",
    "{s: 1}|dictsort",
};

TEST(RenderMemory, StaysAtItsLimitWhateverAMethodMakesOfALongText) {
  for (const char* const expression : kExpressions) {
    for (const char* const piece :
         {",", "a", " ", "\n", "\t", "ü", "\x01", "Σ'", "a-", "<b", "%c"}) {
      const std::string text = "{{ (" + std::string(expression) + ")|length }}";
      EXPECT_LE(PeakOf(text, piece), kMostBytes) << expression << " of " << piece;
    }
  }
}

TEST(RenderMemory, CountsTextsThatWaitForTheirEnd) {
  const std::string macro =
      "{% macro m(n) %}{{ ('x' * 100000) ~ m(n - 1) if n else '' }}{% endmacro %}{{ m(100) }}";
  EXPECT_LE(PeakOf(macro, "x"), kMostBytes);
}

}  // namespace
}  // namespace trinity::jinja

#endif
