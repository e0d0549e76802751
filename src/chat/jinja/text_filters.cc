#include "chat/jinja/text_filters.h"

#include <algorithm>
#include <cctype>

#include "base/utf8.h"
#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/json_dump.h"
#include "chat/jinja/markup.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/percent_format.h"
#include "chat/jinja/python_repr.h"
#include "chat/jinja/python_unicode.h"
#include "chat/jinja/string_methods.h"
#include "chat/jinja/string_search.h"
#include "chat/jinja/word_wrap.h"

namespace trinity::jinja {
namespace {

using Convert = std::string (*)(std::string_view);

Value Converted(Runtime& runtime, const CallArguments& arguments, Convert convert) {
  const BoundArguments bound(runtime, "filter", arguments, {"s"}, 1);
  const Value text = SoftString(runtime, bound[0]);
  runtime.Work(text.Text().size() * 8);
  return runtime.StringLike(text, convert(text.Text()));
}

// What Jinja2's title splits words at.
bool IsWordBreak(char32_t c) {
  return IsSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
}

std::string JinjaTitle(std::string_view text) {
  std::string out;
  const std::vector<char32_t> chars = Decode(text);
  for (size_t begin = 0; begin < chars.size();) {
    size_t end = begin + 1;
    while (end < chars.size() && IsWordBreak(chars[end]) == IsWordBreak(chars[begin])) ++end;
    out += ToUpper(Encode(&chars[begin], &chars[begin] + 1));
    out += ToLower(Encode(&chars[begin] + 1, &chars[begin] + (end - begin)));
    begin = end;
  }
  return out;
}

void AppendQuoted(std::string_view text, bool for_query, std::string& out) {
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 128 && (std::isalnum(byte) != 0 || std::string_view("_.-~").find(c) < 4)) {
      out += c;
    } else if (c == '/' && !for_query) {
      out += c;
    } else if (c == ' ' && for_query) {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", byte);
    }
  }
}

bool IsWordCharacter(char32_t c) {
  return c == '_' || IsIn(CharClass::kAlphabetic, c) || IsIn(CharClass::kDecimal, c) ||
         IsIn(CharClass::kDigit, c) || IsIn(CharClass::kNumeric, c);
}

// The two strings of json.dumps' separators.
void SetSeparators(Runtime& runtime, const Value& value, JsonOptions& options) {
  const std::vector<Value> pair = ToVector(runtime, value);
  if (pair.size() != 2 || !pair[0].IsString() || !pair[1].IsString()) {
    runtime.Fail("tojson: separators must be two strings");
  }
  options.item_separator = pair[0].Text();
  options.key_separator = pair[1].Text();
}

std::string Spaces(Runtime& runtime, const Value& width) {
  if (width.IsString()) return width.Text();
  if (width.IsUndefined()) FailUndefined(runtime, width);
  if (!width.IsIntegral()) runtime.Fail("an indentation must be an integer or a string");
  if (width.AsInt() > 4096) runtime.Fail("an indentation above 4096");
  return std::string(static_cast<size_t>(std::max<Int>(width.AsInt(), 0)), ' ');
}

// pprint sorts the keys of dicts.
Value WithSortedKeys(Runtime& runtime, const Value& value) {
  const DepthGuard guard(runtime);
  if (value.IsSequence()) {
    std::vector<Value> items;
    for (const Value& item : value.Items()) items.push_back(WithSortedKeys(runtime, item));
    return value.kind() == Kind::kList ? runtime.List(std::move(items))
                                       : runtime.Tuple(std::move(items));
  }
  if (!value.IsDict()) return value;
  auto entries = value.AsDict().entries;
  std::vector<const Value*> keys;
  for (const auto& entry : entries) keys.push_back(&entry.first);
  std::stable_sort(keys.begin(), keys.end(),
                   [&](const Value* a, const Value* b) { return Less(runtime, *a, *b); });
  auto sorted = runtime.NewDict();
  for (const Value* key : keys) {
    const Value* item = value.AsDict().Find(runtime, *key);
    sorted->Set(runtime, *key, WithSortedKeys(runtime, *item));
  }
  return runtime.Dict(std::move(sorted));
}

}  // namespace

Value CapitalizeFilter(Runtime& runtime, CallArguments& arguments) {
  return Converted(runtime, arguments, Capitalize);
}

Value CenterFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "center", arguments, {"value", "width"}, 1);
  const Value text = SoftString(runtime, bound[0]);
  return runtime.StringLike(
      text, Pad(runtime, text.AsString(), bound.IntegerOr(1, 80), " ", Align::kCenter));
}

Value EscapeFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "escape", arguments, {"s"}, 1, Keywords::kRefused);
  return runtime.MarkupString(EscapedText(SoftString(runtime, bound[0])));
}

Value ForceEscapeFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "forceescape", arguments, {"value"}, 1);
  return runtime.MarkupString(EscapeHtml(Str(runtime, bound[0])));
}

Value FormatFilter(Runtime& runtime, CallArguments& arguments) {
  const Value format = SoftString(runtime, arguments.positional[0]);
  std::vector<Value> rest(arguments.positional.begin() + 1, arguments.positional.end());
  if (!rest.empty() && !arguments.keywords.empty()) {
    runtime.Fail("format takes positional or keyword arguments, not both");
  }
  if (arguments.keywords.empty()) {
    return PercentFormat(runtime, format, runtime.Tuple(std::move(rest)));
  }
  auto dict = runtime.NewDict();
  for (const auto& [name, value] : arguments.keywords) {
    dict->Set(runtime, runtime.String(name), value);
  }
  return PercentFormat(runtime, format, runtime.Dict(std::move(dict)));
}

Value IndentFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "indent", arguments, {"s", "width", "first", "blank"}, 1);
  const Value& text = bound.String(0);
  std::string indentation = Spaces(runtime, bound.Or(1, Value::Integer(4)));
  if (text.IsMarkup() && bound.Has(1) && bound[1].IsString()) indentation = EscapedText(bound[1]);
  const bool blank = bound.TruthOr(3, false);
  std::string out;
  bool is_first = true;
  for (const std::string& line : SplitLines(text.Text() + "\n", LineEnds::kDrop)) {
    if (!is_first) out += "\n";
    if (!is_first && (blank || !line.empty())) out += indentation;
    is_first = false;
    out += line;
    runtime.CheckBytes(out.size());
  }
  return runtime.StringLike(text, bound.TruthOr(2, false) ? indentation + out : out);
}

Value LowerFilter(Runtime& runtime, CallArguments& arguments) {
  return Converted(runtime, arguments, ToLower);
}

Value PprintFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "pprint", arguments, {"value"}, 1);
  std::string text = Repr(runtime, WithSortedKeys(runtime, bound[0]));
  if (CountCodePoints(text) > 80) runtime.Fail("pprint of more than one line is not supported");
  return runtime.String(std::move(text));
}

Value ReplaceFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "replace", arguments, {"s", "old", "new", "count"}, 3);
  const bool all = !bound.Has(3) || bound[3].IsNone();
  return runtime.String(ReplaceAll(runtime, Str(runtime, bound[0]), Str(runtime, bound[1]),
                                   Str(runtime, bound[2]), all ? -1 : bound.Integer(3)));
}

Value SafeFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "safe", arguments, {"value"}, 1);
  return runtime.MarkupString(Str(runtime, bound[0]));
}

Value StringFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "string", arguments, {"s"}, 1);
  return SoftString(runtime, bound[0]);
}

Value StripTagsFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "striptags", arguments, {"value"}, 1);
  const std::string text = Str(runtime, bound[0]);
  runtime.Work(text.size() * 8);
  return runtime.String(StripTags(text));
}

Value TitleFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "title", arguments, {"s"}, 1);
  const std::string text = Str(runtime, bound[0]);
  runtime.Work(text.size() * 8);
  return runtime.String(JinjaTitle(text));
}

Value ToJsonFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "tojson", arguments,
                             {"x", "ensure_ascii", "indent", "separators", "sort_keys"}, 1);
  JsonOptions options;
  options.ensure_ascii = bound.TruthOr(1, false);
  if (bound.Has(2) && !bound[2].IsNone()) {
    options.indent = Spaces(runtime, bound[2]);
    options.item_separator = ",";
  }
  if (bound.Has(3) && !bound[3].IsNone()) SetSeparators(runtime, bound[3], options);
  options.sort_keys = bound.TruthOr(4, false);
  return runtime.String(JsonText(runtime, bound[0], options));
}

Value TrimFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "trim", arguments, {"value", "chars"}, 1);
  const Value text = SoftString(runtime, bound[0]);
  runtime.Work(text.Text().size() * 4);
  const Value chars = bound.Or(1, Value::None());
  if (!chars.IsNone()) bound.String(1);
  return runtime.StringLike(text, Strip(text.Text(), chars, Side::kBoth));
}

Value TruncateFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "truncate", arguments,
                             {"s", "length", "killwords", "end", "leeway"}, 1);
  const Int length = bound.IntegerOr(1, 255);
  const Int leeway = bound.Has(4) && !bound[4].IsNone() ? bound.Integer(4) : 5;
  const Value end = bound.Has(3) ? bound.String(3) : runtime.String("...");
  const Int end_length = *LengthOf(runtime, end);
  if (length < end_length || leeway < 0) runtime.Fail("truncate: the length is too small");
  const std::optional<Int> size = LengthOf(runtime, bound[0]);
  if (!size) runtime.Fail("{} has no length", TypeName(bound[0]));
  if (*size <= CheckedAdd(runtime, length, leeway)) return bound[0];
  const Value& text = bound.String(0);
  const Value cut =
      Slice(runtime, text, Value::None(), Value::Integer(length - end_length), Value::None());
  std::string kept = cut.Text();
  if (!bound.TruthOr(2, false)) kept = kept.substr(0, kept.rfind(' '));
  const Value head = runtime.StringLike(text, std::move(kept));
  return Apply(runtime, BinaryOperator::kAdd, head, end);
}

Value UpperFilter(Runtime& runtime, CallArguments& arguments) {
  return Converted(runtime, arguments, ToUpper);
}

Value UrlEncodeFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "urlencode", arguments, {"value"}, 1);
  const Value& value = bound[0];
  std::string out;
  if (value.IsString() || !IsIterable(value)) {
    AppendQuoted(Str(runtime, value), false, out);
    return runtime.String(std::move(out));
  }
  std::vector<Value> pairs;
  if (value.IsDict()) {
    for (const auto& entry : value.AsDict().entries) {
      pairs.push_back(runtime.Tuple({entry.first, entry.second}));
    }
  } else {
    pairs = ToVector(runtime, value);
  }
  for (const Value& item : pairs) {
    const std::vector<Value> pair = ToVector(runtime, item);
    if (pair.size() != 2) runtime.Fail("urlencode expects pairs, found {} items", pair.size());
    if (!out.empty()) out += '&';
    AppendQuoted(Str(runtime, pair[0]), true, out);
    out += '=';
    AppendQuoted(Str(runtime, pair[1]), true, out);
    runtime.CheckBytes(out.size());
  }
  return runtime.String(std::move(out));
}

Value WordCountFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "wordcount", arguments, {"s"}, 1);
  const std::string text = Str(runtime, bound[0]);
  runtime.Work(text.size() * 8);
  Int count = 0;
  bool in_word = false;
  for (const char32_t c : Decode(text)) {
    const bool is_word = IsWordCharacter(c);
    if (is_word && !in_word) ++count;
    in_word = is_word;
  }
  return Value::Integer(count);
}

Value WordWrapFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "wordwrap", arguments,
                             {"s", "width", "break_long_words", "wrapstring", "break_on_hyphens"},
                             1);
  WrapOptions options;
  const Int width = bound.IntegerOr(1, 79);
  if (width <= 0) runtime.Fail("wordwrap: the width must be above 0");
  options.width = static_cast<size_t>(std::min<Int>(width, INT32_MAX));
  options.break_long_words = bound.TruthOr(2, true);
  options.break_on_hyphens = bound.TruthOr(4, true);
  const bool has_string = bound.Has(3) && !bound[3].IsNone();
  const std::string separator = has_string ? bound.String(3).Text() : "\n";
  const std::string& text = bound.String(0).Text();
  // A word that no line holds is cut from the front, line by line.
  size_t longest = 0;
  size_t word = 0;
  for (const char c : text) longest = std::max(longest, word = c == ' ' ? 0 : word + 1);
  runtime.Work(text.size() * 16);
  runtime.Work(longest / options.width * longest);
  std::string out;
  bool is_first = true;
  for (const std::string& line : SplitLines(text, LineEnds::kDrop)) {
    const std::vector<std::string> pieces = WrapLine(line, options);
    for (size_t i = 0; i < std::max<size_t>(pieces.size(), 1); ++i) {
      if (!is_first) out += separator;
      is_first = false;
      if (i < pieces.size()) out += pieces[i];
      runtime.CheckBytes(out.size());
    }
  }
  return runtime.String(std::move(out));
}

Value XmlAttrFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "xmlattr", arguments, {"d", "autospace"}, 1);
  if (bound[0].IsUndefined()) FailUndefined(runtime, bound[0]);
  if (!bound[0].IsDict()) runtime.Fail("xmlattr expects a mapping, found {}", TypeName(bound[0]));
  std::string out;
  for (const auto& [key, value] : bound[0].AsDict().entries) {
    if (value.IsNone() || value.IsUndefined()) continue;
    if (!key.IsString() || key.Text().find_first_of(" \t\n\r\f\v/>=") != std::string::npos) {
      runtime.Fail("invalid attribute name {}", Repr(runtime, key));
    }
    if (!out.empty()) out += ' ';
    out += EscapedText(key) + "=\"" + EscapedText(SoftString(runtime, value)) + "\"";
    runtime.CheckBytes(out.size());
  }
  const bool space = bound.TruthOr(1, true) && !out.empty();
  return runtime.String(space ? " " + out : out);
}

}  // namespace trinity::jinja
