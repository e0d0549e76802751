#include "chat/jinja/string_search.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "chat/jinja/attributes.h"
#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/markup.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_unicode.h"

namespace trinity::jinja {
namespace {

// The part [start, stop) of a string that a search looks at, in code points; `valid` is false
// where start lies behind the end, where Python finds nothing, not even "".
struct Window {
  std::string text;
  Int start = 0;
  bool valid = true;
};

Window WindowOf(Runtime& runtime, const Value& self, const BoundArguments& bound) {
  const Int length = static_cast<Int>(self.AsString().num_code_points);
  const auto index = [&](size_t argument, Int absent) {
    if (!bound.Has(argument) || bound[argument].IsNone()) return absent;
    const Int value = bound.Integer(argument);
    return value < 0 ? std::max<Int>(value + length, 0) : value;
  };
  Window window;
  window.start = index(1, 0);
  const Int stop = std::min(index(2, length), length);
  runtime.Work(self.Text().size());
  window.valid = window.start <= length && window.start <= stop;
  if (window.valid) {
    window.text =
        Substring(self.AsString(), static_cast<size_t>(window.start), static_cast<size_t>(stop));
  }
  return window;
}

enum class End { kFirst, kLast };

Int FindIn(Runtime& runtime, const Value& self, const CallArguments& arguments, End end) {
  const BoundArguments bound(runtime, "find", arguments, {"sub", "start", "end"}, 1,
                             Keywords::kRefused);
  const std::string& needle = bound.String(0).Text();
  const Window window = WindowOf(runtime, self, bound);
  if (!window.valid) return -1;
  const size_t at =
      end == End::kFirst ? FindBytes(window.text, needle) : FindLastBytes(window.text, needle);
  if (at == std::string::npos) return -1;
  return window.start +
         static_cast<Int>(CountCodePoints(std::string_view(window.text).substr(0, at)));
}

template <End kEnd>
Value Find(Runtime& runtime, const Value& self, CallArguments& arguments) {
  return Value::Integer(FindIn(runtime, self, arguments, kEnd));
}

template <End kEnd>
Value Index(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const Int at = FindIn(runtime, self, arguments, kEnd);
  if (at < 0) runtime.Fail("index(): substring not found");
  return Value::Integer(at);
}

Value Count(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "count", arguments, {"sub", "start", "end"}, 1,
                             Keywords::kRefused);
  const std::string& needle = bound.String(0).Text();
  const Window window = WindowOf(runtime, self, bound);
  if (!window.valid) return Value::Integer(0);
  if (needle.empty()) return Value::Integer(static_cast<Int>(CountCodePoints(window.text)) + 1);
  Int count = 0;
  for (size_t at = FindBytes(window.text, needle); at != std::string::npos;
       at = FindBytes(window.text, needle, at + needle.size())) {
    ++count;
  }
  return Value::Integer(count);
}

template <End kEnd>
Value HasAffix(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, kEnd == End::kFirst ? "startswith" : "endswith", arguments,
                             {"affix", "start", "end"}, 1, Keywords::kRefused);
  const Window window = WindowOf(runtime, self, bound);
  const auto matches = [&](const Value& affix) {
    if (affix.IsUndefined()) FailUndefined(runtime, affix);
    if (!affix.IsString()) {
      runtime.Fail("startswith() and endswith() expect strings, found {}", TypeName(affix));
    }
    const std::string& text = affix.Text();
    if (!window.valid || text.size() > window.text.size()) return false;
    const size_t at = kEnd == End::kFirst ? 0 : window.text.size() - text.size();
    return window.text.compare(at, text.size(), text) == 0;
  };
  if (bound[0].kind() != Kind::kTuple) return Value::Bool(matches(bound[0]));
  for (const Value& affix : bound[0].Items()) {
    if (matches(affix)) return Value::Bool(true);
  }
  return Value::Bool(false);
}

// Pieces between runs of white space; after `max_split` splits the rest stays whole.
std::vector<std::string> SplitSpaces(std::string_view text, Int max_split, End from) {
  std::vector<std::string> pieces;
  std::vector<char32_t> chars = Decode(text);
  if (from == End::kLast) std::reverse(chars.begin(), chars.end());
  size_t i = 0;
  while (true) {
    while (i < chars.size() && IsSpace(chars[i])) ++i;
    if (i == chars.size()) break;
    size_t end = i;
    if (max_split >= 0 && static_cast<Int>(pieces.size()) >= max_split) {
      // split() keeps the white space behind the last piece, rsplit() that before it.
      end = chars.size();
    } else {
      while (end < chars.size() && !IsSpace(chars[end])) ++end;
    }
    std::vector<char32_t> piece(chars.begin() + static_cast<ptrdiff_t>(i),
                                chars.begin() + static_cast<ptrdiff_t>(end));
    if (from == End::kLast) std::reverse(piece.begin(), piece.end());
    pieces.push_back(Encode(piece.data(), piece.data() + piece.size()));
    i = end;
  }
  if (from == End::kLast) std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

std::vector<std::string> SplitText(std::string_view text, std::string_view separator, Int max_split,
                                   End from) {
  std::vector<std::string> pieces;
  std::vector<size_t> places;
  // From the right: the mirrored text is searched from the left.
  std::string haystack(text);
  std::string needle(separator);
  if (from == End::kLast) {
    std::reverse(haystack.begin(), haystack.end());
    std::reverse(needle.begin(), needle.end());
  }
  size_t at = FindBytes(haystack, needle);
  while (at != text.npos && (max_split < 0 || static_cast<Int>(places.size()) < max_split)) {
    places.push_back(from == End::kFirst ? at : text.size() - at - needle.size());
    at = FindBytes(haystack, needle, at + needle.size());
  }
  if (from == End::kLast) std::reverse(places.begin(), places.end());
  size_t begin = 0;
  for (const size_t place : places) {
    pieces.emplace_back(text.substr(begin, place - begin));
    begin = place + separator.size();
  }
  pieces.emplace_back(text.substr(begin));
  return pieces;
}

template <End kEnd>
Value Split(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "split", arguments, {"sep", "maxsplit"}, 0);
  const Int max_split = bound.IntegerOr(1, -1);
  runtime.Work(self.Text().size() * 8);
  std::vector<std::string> pieces;
  if (!bound.Has(0) || bound[0].IsNone()) {
    pieces = SplitSpaces(self.Text(), max_split, kEnd);
  } else {
    if (bound.String(0).Text().empty()) runtime.Fail("split(): empty separator");
    pieces = SplitText(self.Text(), bound.String(0).Text(), max_split, kEnd);
  }
  runtime.CheckItems(pieces.size());
  std::vector<Value> items;
  for (std::string& piece : pieces) items.push_back(runtime.StringLike(self, std::move(piece)));
  return runtime.List(std::move(items));
}

template <End kEnd>
Value Partition(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "partition", arguments, {"sep"}, 1,
                             self.IsMarkup() ? Keywords::kAllowed : Keywords::kRefused);
  const std::string& separator = bound.String(0).Text();
  const std::string& text = self.Text();
  if (separator.empty()) runtime.Fail("partition(): empty separator");
  const size_t at =
      kEnd == End::kFirst ? FindBytes(text, separator) : FindLastBytes(text, separator);
  const Value empty = runtime.StringLike(self, "");
  if (at == text.npos) {
    return kEnd == End::kFirst ? runtime.Tuple({runtime.StringLike(self, text), empty, empty})
                               : runtime.Tuple({empty, empty, runtime.StringLike(self, text)});
  }
  return runtime.Tuple({runtime.StringLike(self, text.substr(0, at)),
                        runtime.StringLike(self, separator),
                        runtime.StringLike(self, text.substr(at + separator.size()))});
}

struct NamedMethod {
  std::string_view name;
  Method method;
};

constexpr NamedMethod kMethods[] = {
    {"find", Find<End::kFirst>},
    {"rfind", Find<End::kLast>},
    {"index", Index<End::kFirst>},
    {"rindex", Index<End::kLast>},
    {"count", Count},
    {"startswith", HasAffix<End::kFirst>},
    {"endswith", HasAffix<End::kLast>},
    {"split", Split<End::kFirst>},
    {"rsplit", Split<End::kLast>},
    {"partition", Partition<End::kFirst>},
    {"rpartition", Partition<End::kLast>},
};

}  // namespace

bool FindSearchMethod(Runtime& runtime, const Value& string, std::string_view name, Value& out) {
  for (const NamedMethod& method : kMethods) {
    if (method.name != name) continue;
    out = BindMethod(runtime, method.name, method.method, string);
    return true;
  }
  return false;
}

std::string ReplaceAll(Runtime& runtime, std::string_view text, std::string_view from,
                       std::string_view to, Int count) {
  runtime.Work(text.size());
  std::string out;
  size_t begin = 0;
  Int done = 0;
  if (from.empty()) {
    // Python inserts before every character and at the end.
    for (; begin <= text.size() && (count < 0 || done < count); ++done) {
      out += to;
      runtime.CheckBytes(out.size());
      if (begin == text.size()) return out;
      size_t next = begin + 1;
      while (next < text.size() && (static_cast<uint8_t>(text[next]) & 0xC0) == 0x80) ++next;
      out += text.substr(begin, next - begin);
      begin = next;
    }
    return out += text.substr(begin);
  }
  size_t at = FindBytes(text, from);
  for (; at != text.npos && (count < 0 || done < count); ++done) {
    out += text.substr(begin, at - begin);
    out += to;
    runtime.CheckBytes(out.size());
    begin = at + from.size();
    at = FindBytes(text, from, begin);
  }
  return out += text.substr(begin);
}

size_t FindBytes(std::string_view text, std::string_view needle, size_t from) {
  if (from > text.size()) return text.npos;
  if (needle.empty()) return from;
  const void* found = memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  if (found == nullptr) return text.npos;
  return static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

size_t FindLastBytes(std::string_view text, std::string_view needle) {
  if (needle.size() <= 16) return text.rfind(needle);
  // Mirrored, so that the linear search serves here too.
  const std::string mirrored(text.rbegin(), text.rend());
  const std::string mirrored_needle(needle.rbegin(), needle.rend());
  const size_t at = FindBytes(mirrored, mirrored_needle);
  return at == text.npos ? at : text.size() - at - needle.size();
}

}  // namespace trinity::jinja
