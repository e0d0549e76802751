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
#include "chat/jinja/text_builder.h"
#include "chat/jinja/word_wrap.h"

namespace trinity::jinja {
namespace {

using Convert = std::string (*)(std::string_view);

Value Converted(Runtime& runtime, const CallArguments& arguments, Convert convert) {
  const BoundArguments bound(runtime, "filter", arguments, {"s"}, 1);
  const Value text = SoftString(runtime, bound[0]);
  runtime.Work(text.Text().size() * 8);
  const MemoryCharge charge = runtime.Borrow(text.Text().size() * kMostCaseGrowth);
  return runtime.StringLike(text, convert(text.Text()));
}

// What Jinja2's title splits words at.
bool IsWordBreak(char32_t c) {
  return IsSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
}

std::string JinjaTitle(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Utf8Char first = DecodeUtf8(text);
    size_t end = 0;
    for (Utf8Char c = first; end < text.size(); end += c.num_bytes) {
      c = DecodeUtf8(text.substr(end));
      if (IsWordBreak(c.code_point) != IsWordBreak(first.code_point)) break;
    }
    out += ToUpper(text.substr(0, first.num_bytes));
    out += ToLower(text.substr(first.num_bytes, end - first.num_bytes));
    text.remove_prefix(end);
  }
  return out;
}

void AppendQuoted(std::string_view text, bool for_query, TextBuilder& out) {
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 128 && (std::isalnum(byte) != 0 || std::string_view("_.-~").find(c) < 4)) {
      out.Append(c);
    } else if (c == '/' && !for_query) {
      out.Append(c);
    } else if (c == ' ' && for_query) {
      out.Append('+');
    } else {
      out.Append(fmt::format("%{:02X}", byte));
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
  return runtime.MarkupString(EscapedText(runtime, SoftString(runtime, bound[0])));
}

Value ForceEscapeFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "forceescape", arguments, {"value"}, 1);
  return runtime.MarkupString(EscapeHtml(runtime, SoftString(runtime, bound[0]).Text()));
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
  if (text.IsMarkup() && bound.Has(1) && bound[1].IsString()) {
    indentation = EscapedText(runtime, bound[1]);
  }
  const bool blank = bound.TruthOr(3, false);
  TextBuilder out(runtime);
  if (bound.TruthOr(2, false)) out.Append(indentation);
  const MemoryCharge charge = runtime.Borrow(text.Text().size());
  const std::string ended = text.Text() + "\n";
  LineReader reader(ended, LineEnds::kDrop);
  bool is_first = true;
  for (std::string_view line; reader.Next(line); is_first = false) {
    if (!is_first) out.Append('\n');
    if (!is_first && (blank || !line.empty())) out.Append(indentation);
    out.Append(line);
  }
  return runtime.StringLike(text, out.Take());
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
  const Value text = SoftString(runtime, bound[0]);
  const Value from = SoftString(runtime, bound[1]);
  const Value to = SoftString(runtime, bound[2]);
  return runtime.String(
      ReplaceAll(runtime, text.Text(), from.Text(), to.Text(), all ? -1 : bound.Integer(3)));
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
  const Value text = SoftString(runtime, bound[0]);
  runtime.Work(text.Text().size() * 8);
  return runtime.String(StripTags(runtime, text.Text()));
}

Value TitleFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "title", arguments, {"s"}, 1);
  const Value text = SoftString(runtime, bound[0]);
  runtime.Work(text.Text().size() * 8);
  const MemoryCharge charge = runtime.Borrow(text.Text().size() * kMostCaseGrowth);
  return runtime.String(JinjaTitle(text.Text()));
}

Value ToJsonFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "tojson", arguments,
                             {"x", "ensure_ascii", "indent", "separators", "sort_keys"}, 1);
  JsonOptions options;
  options.ensure_ascii = bound.TruthOr(1, false);
  if (bound.Has(2) && !bound[2].IsNone()) {
    options.indent = Spaces(runtime, bound[2]);
    options.item_separator.assign(1, ',');
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
  return runtime.StringLike(text, Strip(runtime, text.Text(), chars, Side::kBoth));
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
  TextBuilder out(runtime);
  if (value.IsString() || !IsIterable(value)) {
    AppendQuoted(SoftString(runtime, value).Text(), false, out);
    return runtime.String(out.Take());
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
    if (!out.IsEmpty()) out.Append('&');
    AppendQuoted(SoftString(runtime, pair[0]).Text(), true, out);
    out.Append('=');
    AppendQuoted(SoftString(runtime, pair[1]).Text(), true, out);
  }
  return runtime.String(out.Take());
}

Value WordCountFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "wordcount", arguments, {"s"}, 1);
  const Value text = SoftString(runtime, bound[0]);
  runtime.Work(text.Text().size() * 8);
  Int count = 0;
  bool in_word = false;
  for (const char32_t c : CodePoints(text.Text())) {
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
  runtime.Work(text.size() * 16);
  TextBuilder out(runtime);
  LineReader reader(text, LineEnds::kDrop);
  bool is_first_line = true;
  for (std::string_view line; reader.Next(line); is_first_line = false) {
    if (!is_first_line) out.Append(separator);
    const MemoryCharge charge = runtime.Borrow(line.size() * sizeof(char32_t));
    LineWrapper wrapper(line, options);
    bool is_first = true;
    for (std::string piece; wrapper.Next(piece); is_first = false) {
      if (!is_first) out.Append(separator);
      out.Append(piece);
    }
  }
  return runtime.String(out.Take());
}

Value XmlAttrFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "xmlattr", arguments, {"d", "autospace"}, 1);
  if (bound[0].IsUndefined()) FailUndefined(runtime, bound[0]);
  if (!bound[0].IsDict()) runtime.Fail("xmlattr expects a mapping, found {}", TypeName(bound[0]));
  TextBuilder out(runtime);
  const bool space = bound.TruthOr(1, true);
  for (const auto& [key, value] : bound[0].AsDict().entries) {
    if (value.IsNone() || value.IsUndefined()) continue;
    if (!key.IsString() || key.Text().find_first_of(" \t\n\r\f\v/>=") != std::string::npos) {
      runtime.Fail("invalid attribute name {}", Repr(runtime, key));
    }
    if (space || !out.IsEmpty()) out.Append(' ');
    out.Append(EscapedText(runtime, key));
    out.Append("=\"");
    out.Append(EscapedText(runtime, SoftString(runtime, value)));
    out.Append('"');
  }
  return runtime.String(out.Take());
}

}  // namespace trinity::jinja
