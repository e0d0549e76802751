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
#include "chat/jinja/text_builder.h"

namespace trinity::jinja {
namespace {

template <std::string (*kConvert)(std::string_view)>
Value Converted(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments none(runtime, "str method", arguments, {}, 0);
  runtime.Work(self.Text().size() * 8);
  const MemoryCharge charge = runtime.Borrow(self.Text().size() * kMostCaseGrowth);
  return runtime.StringLike(self, kConvert(self.Text()));
}

template <Side kSide>
Value Stripped(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "strip", arguments, {"chars"}, 0, Keywords::kRefused);
  const Value chars = bound.Or(0, Value::None());
  if (!chars.IsNone()) bound.String(0);
  return runtime.StringLike(self, Strip(runtime, self.Text(), chars, kSide));
}

template <Align kAlign>
Value Padded(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "center", arguments, {"width", "fillchar"}, 1,
                             Keywords::kRefused);
  const std::string fill = !bound.Has(1)     ? " "
                           : self.IsMarkup() ? EscapedText(runtime, bound.String(1))
                                             : bound.String(1).Text();
  return runtime.StringLike(self, Pad(runtime, self.AsString(), bound.Integer(0), fill, kAlign));
}

Value Replace(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "replace", arguments, {"old", "new", "count"}, 2,
                             Keywords::kRefused);
  const std::string to =
      self.IsMarkup() ? EscapedText(runtime, bound.String(1)) : bound.String(1).Text();
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
  LineReader reader(self.Text(), ends);
  for (std::string_view line; reader.Next(line);) {
    runtime.CheckItems(lines.size() + 1);
    lines.push_back(runtime.StringLike(self, std::string(line)));
  }
  return runtime.List(std::move(lines));
}

Value ExpandTabs(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "expandtabs", arguments, {"tabsize"}, 0);
  const Int tab = bound.IntegerOr(0, 8);
  if (tab > 4096) runtime.Fail("expandtabs(): tab size {} is too large", IntText(tab));
  TextBuilder out(runtime);
  Int column = 0;
  for (const char c : self.Text()) {
    if (c == '\t') {
      const Int spaces = tab > 0 ? tab - column % tab : 0;
      out.Append(static_cast<size_t>(spaces), ' ');
      column += spaces;
      continue;
    }
    out.Append(c);
    const bool continues = (static_cast<uint8_t>(c) & 0xC0) == 0x80;
    column = c == '\n' || c == '\r' ? 0 : column + (continues ? 0 : 1);
  }
  return runtime.StringLike(self, out.Take());
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

std::string Strip(Runtime& runtime, std::string_view text, const Value& chars, Side side) {
  MemoryCharge charge;
  std::vector<char32_t> set;
  if (!chars.IsNone()) {
    charge = runtime.Borrow(chars.Text().size() * sizeof(char32_t));
    runtime.Work(chars.Text().size() * 16);
    set = Decode(chars.Text());
    std::sort(set.begin(), set.end());
  }
  const auto is_stripped = [&](const Utf8Char& c) {
    return chars.IsNone() ? IsSpace(c.code_point)
                          : std::binary_search(set.begin(), set.end(), c.code_point);
  };
  while (side != Side::kRight && !text.empty()) {
    const Utf8Char first = DecodeUtf8(text);
    if (!is_stripped(first)) break;
    text.remove_prefix(first.num_bytes);
  }
  while (side != Side::kLeft && !text.empty()) {
    const Utf8Char last = LastCharacter(text);
    if (!is_stripped(last)) break;
    text.remove_suffix(last.num_bytes);
  }
  return std::string(text);
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
  TextBuilder out(runtime);
  for (Int i = 0; i < left; ++i) out.Append(fill);
  out.Append(string.text);
  for (Int i = left; i < missing; ++i) out.Append(fill);
  return out.Take();
}

Value Join(Runtime& runtime, const Value& separator, const Value& values) {
  TextBuilder out(runtime);
  bool is_first = true;
  const Value iterator = Iterate(runtime, values);
  Value item;
  while (NextOf(runtime, iterator, item)) {
    const bool escape = separator.IsMarkup();
    if (!item.IsString() && !escape) {
      runtime.Fail("join() expects strings, found {}", TypeName(item));
    }
    if (!is_first) out.Append(separator.Text());
    is_first = false;
    if (escape) {
      out.Append(EscapedText(runtime, SoftString(runtime, item)));
    } else {
      out.Append(item.Text());
    }
  }
  return runtime.StringLike(separator, out.Take());
}

bool LineReader::Next(std::string_view& line) {
  if (rest_.empty()) return false;
  size_t at = 0;
  size_t end = 0;
  while (at < rest_.size() && end == 0) {
    const Utf8Char c = DecodeUtf8(rest_.substr(at));
    const char32_t code = c.code_point;
    const bool is_end = (code >= 0x0A && code <= 0x0D) || (code >= 0x1C && code <= 0x1E) ||
                        code == 0x85 || code == 0x2028 || code == 0x2029;
    if (is_end) end = at + c.num_bytes + (rest_.compare(at, 2, "\r\n") == 0 ? 1 : 0);
    if (!is_end) at += c.num_bytes;
  }
  if (end == 0) end = at;
  line = rest_.substr(0, ends_ == LineEnds::kKeep ? end : at);
  rest_.remove_prefix(end);
  return true;
}

}  // namespace trinity::jinja
