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
#include "chat/jinja/text_builder.h"

namespace trinity::jinja {
namespace {

// The part [start, stop) of a string that a search looks at, in code points; `valid` is false
// where start lies behind the end, where Python finds nothing, not even "".
struct Window {
  std::string text;
  Int start = 0;
  bool valid = true;
  MemoryCharge charge;  // of the text, and of the mirrored copies that searches from the end make
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
    window.charge = runtime.Borrow(3 * self.Text().size());
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

// The parts that split() makes of a text, which they look into.
class Pieces {
 public:
  explicit Pieces(Runtime& runtime) : runtime_(runtime) {}

  void Add(std::string_view piece) {
    runtime_.CheckItems(pieces_.size() + 1);
    pieces_.push_back(piece);
  }
  Int Count() const { return static_cast<Int>(pieces_.size()); }
  void Reverse() { std::reverse(pieces_.begin(), pieces_.end()); }
  Value ToList(const Value& self) const {
    std::vector<Value> items;
    for (const std::string_view piece : pieces_) {
      items.push_back(runtime_.StringLike(self, std::string(piece)));
    }
    return runtime_.List(std::move(items));
  }

 private:
  Runtime& runtime_;
  std::vector<std::string_view> pieces_;
};

// Takes characters from one end of `text`, while they are white space or while they are none.
enum class Take { kSpaces, kWord };
std::string_view TakeFrom(std::string_view& text, End from, Take what) {
  const std::string_view all = text;
  while (!text.empty()) {
    const Utf8Char c = from == End::kFirst ? DecodeUtf8(text) : LastCharacter(text);
    if (IsSpace(c.code_point) != (what == Take::kSpaces)) break;
    if (from == End::kFirst) {
      text.remove_prefix(c.num_bytes);
    } else {
      text.remove_suffix(c.num_bytes);
    }
  }
  return from == End::kFirst ? all.substr(0, all.size() - text.size()) : all.substr(text.size());
}

// Pieces between runs of white space; after `max_split` splits the rest stays whole: split() keeps
// the white space behind the last piece, rsplit() that before it.
void SplitSpaces(std::string_view text, Int max_split, End from, Pieces& pieces) {
  while (true) {
    TakeFrom(text, from, Take::kSpaces);
    if (text.empty()) break;
    if (max_split >= 0 && pieces.Count() >= max_split) {
      pieces.Add(text);
      break;
    }
    pieces.Add(TakeFrom(text, from, Take::kWord));
  }
  if (from == End::kLast) pieces.Reverse();
}

void SplitText(std::string_view text, std::string_view separator, Int max_split, Pieces& pieces) {
  while (max_split < 0 || pieces.Count() < max_split) {
    const size_t at = FindBytes(text, separator);
    if (at == text.npos) break;
    pieces.Add(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  pieces.Add(text);
}

// The mirrored text is searched from the left, which takes linear time.
void SplitTextFromRight(Runtime& runtime, std::string_view text, std::string_view separator,
                        Int max_split, Pieces& pieces) {
  const MemoryCharge charge = runtime.Borrow(text.size() + separator.size());
  const std::string mirrored(text.rbegin(), text.rend());
  const std::string mirrored_separator(separator.rbegin(), separator.rend());
  size_t begin = 0;
  while (max_split < 0 || pieces.Count() < max_split) {
    const size_t at = FindBytes(mirrored, mirrored_separator, begin);
    if (at == text.npos) break;
    pieces.Add(text.substr(text.size() - at, at - begin));
    begin = at + separator.size();
  }
  pieces.Add(text.substr(0, text.size() - begin));
  pieces.Reverse();
}

template <End kEnd>
Value Split(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "split", arguments, {"sep", "maxsplit"}, 0);
  const Int max_split = bound.IntegerOr(1, -1);
  const std::string& text = self.Text();
  runtime.Work(text.size() * 8);
  Pieces pieces(runtime);
  if (!bound.Has(0) || bound[0].IsNone()) {
    SplitSpaces(text, max_split, kEnd, pieces);
    return pieces.ToList(self);
  }
  const std::string& separator = bound.String(0).Text();
  if (separator.empty()) runtime.Fail("split(): empty separator");
  if (kEnd == End::kFirst) {
    SplitText(text, separator, max_split, pieces);
  } else {
    SplitTextFromRight(runtime, text, separator, max_split, pieces);
  }
  return pieces.ToList(self);
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
  TextBuilder out(runtime);
  Int done = 0;
  if (from.empty()) {
    // Python inserts before every character and at the end.
    for (; count < 0 || done < count; ++done) {
      out.Append(to);
      if (text.empty()) return out.Take();
      const size_t num_bytes = DecodeUtf8(text).num_bytes;
      out.Append(text.substr(0, num_bytes));
      text.remove_prefix(num_bytes);
    }
    out.Append(text);
    return out.Take();
  }
  for (; count < 0 || done < count; ++done) {
    const size_t at = FindBytes(text, from);
    if (at == text.npos) break;
    out.Append(text.substr(0, at));
    out.Append(to);
    text.remove_prefix(at + from.size());
  }
  out.Append(text);
  return out.Take();
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
