#include "chat/jinja/string_methods.h"

#include <algorithm>

#include "chat/jinja/attributes.h"
#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/brace_format.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/markup.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_number.h"
#include "chat/jinja/python_repr.h"
#include "chat/jinja/python_unicode.h"
#include "chat/jinja/string_predicates.h"
#include "chat/jinja/string_search.h"
#include "chat/jinja/string_translate.h"

namespace trinity::jinja {
namespace {

template <std::string (*kConvert)(std::string_view)>
Value Converted(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments none(runtime, "str method", arguments, {}, 0);
  runtime.Work(self.Text().size() * 8);
  return runtime.StringLike(self, kConvert(self.Text()));
}

template <Side kSide>
Value Stripped(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "strip", arguments, {"chars"}, 0, Keywords::kRefused);
  const Value chars = bound.Or(0, Value::None());
  if (!chars.IsNone()) bound.String(0);
  return runtime.StringLike(self, Strip(self.Text(), chars, kSide));
}

template <Align kAlign>
Value Padded(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "center", arguments, {"width", "fillchar"}, 1,
                             Keywords::kRefused);
  const std::string fill = !bound.Has(1)     ? " "
                           : self.IsMarkup() ? EscapedText(bound.String(1))
                                             : bound.String(1).Text();
  return runtime.StringLike(self, Pad(runtime, self.AsString(), bound.Integer(0), fill, kAlign));
}

Value Replace(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "replace", arguments, {"old", "new", "count"}, 2,
                             Keywords::kRefused);
  const std::string to = self.IsMarkup() ? EscapedText(bound.String(1)) : bound.String(1).Text();
  return runtime.StringLike(
      self, ReplaceAll(runtime, self.Text(), bound.String(0).Text(), to, bound.IntegerOr(2, -1)));
}

Value JoinMethod(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "join", arguments, {"iterable"}, 1, Keywords::kRefused);
  return Join(runtime, self, bound[0]);
}

Value ZeroFill(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "zfill", arguments, {"width"}, 1, Keywords::kRefused);
  const std::string& text = self.Text();
  const bool has_sign = !text.empty() && (text[0] == '+' || text[0] == '-');
  const Int missing = bound.Integer(0) - static_cast<Int>(self.AsString().num_code_points);
  if (missing <= 0) return self;
  runtime.CheckBytes(static_cast<size_t>(std::min<Int>(missing, SIZE_MAX / 4)) + text.size());
  const std::string zeros(static_cast<size_t>(missing), '0');
  return runtime.StringLike(self,
                            has_sign ? text.substr(0, 1) + zeros + text.substr(1) : zeros + text);
}

Value RemovePrefix(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "removeprefix", arguments, {"prefix"}, 1, Keywords::kRefused);
  const std::string& prefix = bound.String(0).Text();
  const bool has = self.Text().compare(0, prefix.size(), prefix) == 0;
  return runtime.StringLike(self, self.Text().substr(has ? prefix.size() : 0));
}

Value RemoveSuffix(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "removesuffix", arguments, {"suffix"}, 1,
                             self.IsMarkup() ? Keywords::kAllowed : Keywords::kRefused);
  const std::string& suffix = bound.String(0).Text();
  const std::string& text = self.Text();
  const bool has = text.size() >= suffix.size() &&
                   text.compare(text.size() - suffix.size(), suffix.size(), suffix) == 0;
  return runtime.StringLike(self, text.substr(0, text.size() - (has ? suffix.size() : 0)));
}

Value SplitLinesMethod(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "splitlines", arguments, {"keepends"}, 0);
  const LineEnds ends = bound.TruthOr(0, false) ? LineEnds::kKeep : LineEnds::kDrop;
  std::vector<Value> lines;
  for (std::string& line : SplitLines(self.Text(), ends)) {
    lines.push_back(runtime.StringLike(self, std::move(line)));
  }
  return runtime.List(std::move(lines));
}

Value ExpandTabs(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "expandtabs", arguments, {"tabsize"}, 0);
  const Int tab = bound.IntegerOr(0, 8);
  if (tab > 4096) runtime.Fail("expandtabs(): tab size {} is too large", IntText(tab));
  std::string out;
  Int column = 0;
  for (const char c : self.Text()) {
    if (c == '\t') {
      const Int spaces = tab > 0 ? tab - column % tab : 0;
      runtime.CheckBytes(out.size() + static_cast<size_t>(spaces));
      out.append(static_cast<size_t>(spaces), ' ');
      column += spaces;
      continue;
    }
    out += c;
    const bool continues = (static_cast<uint8_t>(c) & 0xC0) == 0x80;
    column = c == '\n' || c == '\r' ? 0 : column + (continues ? 0 : 1);
  }
  return runtime.StringLike(self, std::move(out));
}

Value EncodeMethod(Runtime& runtime, const Value&, CallArguments&) {
  runtime.Fail("encode() is not supported: there are no bytes here");
}

struct NamedMethod {
  std::string_view name;
  Method method;
};

constexpr NamedMethod kMethods[] = {
    {"upper", Converted<ToUpper>},
    {"lower", Converted<ToLower>},
    {"title", Converted<ToTitle>},
    {"capitalize", Converted<Capitalize>},
    {"casefold", Converted<CaseFold>},
    {"swapcase", Converted<SwapCase>},
    {"strip", Stripped<Side::kBoth>},
    {"lstrip", Stripped<Side::kLeft>},
    {"rstrip", Stripped<Side::kRight>},
    {"center", Padded<Align::kCenter>},
    {"ljust", Padded<Align::kLeft>},
    {"rjust", Padded<Align::kRight>},
    {"zfill", ZeroFill},
    {"replace", Replace},
    {"join", JoinMethod},
    {"removeprefix", RemovePrefix},
    {"removesuffix", RemoveSuffix},
    {"splitlines", SplitLinesMethod},
    {"expandtabs", ExpandTabs},
    {"format", FormatMethod},
    {"format_map", FormatMapMethod},
    {"encode", EncodeMethod},
    {"translate", Translate},
    {"maketrans", MakeTranslation},
};

}  // namespace

bool FindStringMethod(Runtime& runtime, const Value& string, std::string_view name, Value& out) {
  for (const NamedMethod& method : kMethods) {
    if (method.name != name) continue;
    out = BindMethod(runtime, method.name, method.method, string);
    return true;
  }
  return FindSearchMethod(runtime, string, name, out) ||
         FindPredicateMethod(runtime, string, name, out);
}

std::string Strip(std::string_view text, const Value& chars, Side side) {
  std::vector<char32_t> set;
  if (!chars.IsNone()) set = Decode(chars.Text());
  std::sort(set.begin(), set.end());
  const auto is_stripped = [&](char32_t c) {
    return chars.IsNone() ? IsSpace(c) : std::binary_search(set.begin(), set.end(), c);
  };
  const std::vector<char32_t> decoded = Decode(text);
  size_t begin = 0;
  size_t end = decoded.size();
  if (side != Side::kRight) {
    while (begin < end && is_stripped(decoded[begin])) ++begin;
  }
  if (side != Side::kLeft) {
    while (end > begin && is_stripped(decoded[end - 1])) --end;
  }
  return Encode(decoded.data() + begin, decoded.data() + end);
}

std::string Pad(Runtime& runtime, const StringObject& string, Int width, std::string_view fill,
                Align align) {
  if (CountCodePoints(fill) != 1) runtime.Fail("the fill must be one character");
  const Int missing = width - static_cast<Int>(string.num_code_points);
  if (missing <= 0) return string.text;
  const Int limit = static_cast<Int>(runtime.limits().max_string_bytes);
  if (missing > limit) runtime.Fail("a string of more than {} characters", IntText(limit));
  // Python's centering puts the odd space left where the width is odd.
  const Int left = align == Align::kLeft    ? 0
                   : align == Align::kRight ? missing
                                            : missing / 2 + (missing & width & 1);
  std::string out;
  for (Int i = 0; i < left; ++i) out += fill;
  out += string.text;
  for (Int i = left; i < missing; ++i) out += fill;
  return out;
}

Value Join(Runtime& runtime, const Value& separator, const Value& values) {
  std::string out;
  bool is_first = true;
  const Value iterator = Iterate(runtime, values);
  Value item;
  while (NextOf(runtime, iterator, item)) {
    const bool escape = separator.IsMarkup();
    if (!item.IsString() && !escape) {
      runtime.Fail("join() expects strings, found {}", TypeName(item));
    }
    if (!is_first) out += separator.Text();
    is_first = false;
    out += escape ? EscapedText(SoftString(runtime, item)) : item.Text();
    runtime.CheckBytes(out.size());
  }
  return runtime.StringLike(separator, std::move(out));
}

std::vector<std::string> SplitLines(std::string_view text, LineEnds ends) {
  std::vector<std::string> lines;
  const std::vector<char32_t> chars = Decode(text);
  size_t begin = 0;
  for (size_t i = 0; i < chars.size(); ++i) {
    const char32_t c = chars[i];
    const bool is_end = (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 ||
                        c == 0x2028 || c == 0x2029;
    if (!is_end) continue;
    const size_t stop = i;
    if (c == '\r' && i + 1 < chars.size() && chars[i + 1] == '\n') ++i;
    lines.push_back(
        Encode(chars.data() + begin, chars.data() + (ends == LineEnds::kKeep ? i + 1 : stop)));
    begin = i + 1;
  }
  if (begin < chars.size()) lines.push_back(Encode(&chars[begin], chars.data() + chars.size()));
  return lines;
}

}  // namespace trinity::jinja
