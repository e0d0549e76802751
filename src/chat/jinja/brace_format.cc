#include "chat/jinja/brace_format.h"

#include <algorithm>
#include <optional>

#include "chat/jinja/attributes.h"
#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/format_spec.h"
#include "chat/jinja/markup.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_number.h"
#include "chat/jinja/python_repr.h"
#include "chat/jinja/text_builder.h"

namespace trinity::jinja {
namespace {

bool IsNumberText(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// One run over a format string, as Python's string.Formatter.
class BraceFormatter {
 public:
  BraceFormatter(Runtime& runtime, const Value& self, const CallArguments& arguments,
                 const Value* mapping)
      : runtime_(runtime), escape_(self.IsMarkup()), arguments_(arguments), mapping_(mapping) {}

  std::string Format(std::string_view text, int depth) {
    if (depth < 0) runtime_.Fail("format(): fields nest too deep");
    TextBuilder out(runtime_);
    while (!text.empty()) {
      const size_t brace = text.find_first_of("{}");
      out.Append(text.substr(0, brace));
      if (brace == text.npos) break;
      const char c = text[brace];
      text.remove_prefix(brace + 1);
      if (!text.empty() && text[0] == c) {
        out.Append(c);
        text.remove_prefix(1);
      } else if (c == '}') {
        runtime_.Fail("format(): single '}}' in the format string");
      } else {
        out.Append(Field(TakeField(text), depth));
      }
    }
    return out.Take();
  }

 private:
  // The field up to its closing brace, which is removed from `text` as well.
  std::string_view TakeField(std::string_view& text) {
    int open = 1;
    bool in_brackets = false;
    bool in_spec = false;
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (c == '[' && !in_spec) in_brackets = true;
      if (c == ']') in_brackets = false;
      if ((c == ':' || c == '!') && !in_brackets) in_spec = true;
      if (in_brackets) continue;
      if (c == '{') ++open;
      if (c == '}' && --open == 0) {
        const std::string_view field = text.substr(0, i);
        text.remove_prefix(i + 1);
        return field;
      }
    }
    runtime_.Fail("format(): expected '}}' before the end of the string");
  }

  std::string Field(std::string_view field, int depth) {
    size_t end = 0;
    bool in_brackets = false;
    while (end < field.size() && (in_brackets || (field[end] != ':' && field[end] != '!'))) {
      if (field[end] == '{') runtime_.Fail("format(): unexpected '{{' in a field name");
      if (field[end] == '[') in_brackets = true;
      if (field[end] == ']') in_brackets = false;
      ++end;
    }
    Value value = Lookup(field.substr(0, end));
    std::string_view rest = field.substr(end);
    if (!rest.empty() && rest[0] == '!') {
      if (rest.size() < 2 || (rest.size() > 2 && rest[2] != ':')) {
        runtime_.Fail("format(): expected one of r, s, a and ':' after '!'");
      }
      value = Convert(value, rest[1]);
      rest.remove_prefix(2);
    }
    const std::string spec = rest.empty() ? "" : Format(rest.substr(1), depth - 1);
    if (escape_) return FormatEscaped(value, spec);
    return FormatValue(runtime_, value, spec);
  }

  std::string FormatEscaped(const Value& value, const std::string& spec) {
    if (value.IsMarkup()) {
      if (!spec.empty()) runtime_.Fail("unsupported format specification for Markup");
      return value.Text();
    }
    return EscapeHtml(runtime_, FormatValue(runtime_, value, spec));
  }

  Value Convert(const Value& value, char conversion) {
    switch (conversion) {
      case 'r':
        return runtime_.String(Repr(runtime_, value));
      case 's':
        return runtime_.String(Str(runtime_, value));
      case 'a':
        return runtime_.String(Ascii(runtime_, value));
      default:
        runtime_.Fail("format(): unknown conversion '{}'", conversion);
    }
  }

  Value Lookup(std::string_view path) {
    const size_t end = std::min(path.find_first_of(".["), path.size());
    Value value = Argument(path.substr(0, end));
    path.remove_prefix(end);
    while (!path.empty()) {
      if (path[0] == '.') {
        const size_t stop = std::min(path.find_first_of(".[", 1), path.size());
        if (stop == 1) runtime_.Fail("format(): empty attribute in the format string");
        const Value name = runtime_.String(std::string(path.substr(1, stop - 1)));
        value = GetAttribute(runtime_, value, name);
        path.remove_prefix(stop);
        continue;
      }
      const size_t close = path[0] == '[' ? path.find(']') : path.npos;
      if (close == path.npos) runtime_.Fail("format(): only '.' or '[' may follow ']'");
      if (close == 1) runtime_.Fail("format(): empty attribute in the format string");
      const std::string_view key = path.substr(1, close - 1);
      value = GetItem(runtime_, value,
                      IsNumberText(key) ? Value::Integer(*ParseInt(runtime_, key, 10))
                                        : runtime_.String(std::string(key)));
      path.remove_prefix(close + 1);
    }
    return value;
  }

  Value Argument(std::string_view name) {
    if (name.empty() || IsNumberText(name)) {
      Numbering wanted = name.empty() ? Numbering::kAutomatic : Numbering::kManual;
      if (numbering_ != Numbering::kNone && numbering_ != wanted) {
        runtime_.Fail("format(): numbered and unnumbered fields cannot be mixed");
      }
      numbering_ = wanted;
      const Int index = name.empty() ? next_++ : *ParseInt(runtime_, name, 10);
      if (index >= static_cast<Int>(arguments_.positional.size())) {
        runtime_.Fail("format(): there is no argument {}", IntText(index));
      }
      return arguments_.positional[static_cast<size_t>(index)];
    }
    if (mapping_ != nullptr) return FromMapping(name);
    for (const auto& keyword : arguments_.keywords) {
      if (keyword.first == name) return keyword.second;
    }
    runtime_.Fail("format(): there is no argument '{}'", name);
  }

  Value FromMapping(std::string_view name) {
    if (mapping_->IsUndefined()) FailUndefined(runtime_, *mapping_);
    const Value* found = mapping_->IsDict() ? mapping_->AsDict().FindText(name) : nullptr;
    if (found == nullptr) runtime_.Fail("format_map(): there is no key '{}'", name);
    return *found;
  }

  enum class Numbering { kNone, kAutomatic, kManual };

  Runtime& runtime_;
  bool escape_;
  const CallArguments& arguments_;
  const Value* mapping_;
  Numbering numbering_ = Numbering::kNone;
  Int next_ = 0;
};

constexpr int kMaxFieldDepth = 1;  // a specification may hold fields; those may not

}  // namespace

Value FormatMethod(Runtime& runtime, const Value& self, CallArguments& arguments) {
  BraceFormatter formatter(runtime, self, arguments, nullptr);
  return runtime.StringLike(self, formatter.Format(self.Text(), kMaxFieldDepth));
}

Value FormatMapMethod(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "format_map", arguments, {"mapping"}, 1, Keywords::kRefused);
  const CallArguments none;
  BraceFormatter formatter(runtime, self, none, &bound[0]);
  return runtime.StringLike(self, formatter.Format(self.Text(), kMaxFieldDepth));
}

}  // namespace trinity::jinja
