#include "chat/jinja/string_translate.h"

#include "base/utf8.h"
#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_unicode.h"

namespace trinity::jinja {
namespace {

// table[code point]; absent where the character stays.
std::optional<Value> Mapped(Runtime& runtime, const Value& table, char32_t c) {
  if (table.IsUndefined()) FailUndefined(runtime, table);
  const auto code = static_cast<Int>(c);
  if (table.IsDict()) {
    const Value* found = table.AsDict().Find(runtime, Value::Integer(code));
    return found == nullptr ? std::nullopt : std::optional<Value>(*found);
  }
  if (!table.IsString() && !table.IsSequence() && table.kind() != Kind::kRange) {
    runtime.Fail("translate() expects a dict, found {}", TypeName(table));
  }
  return ItemAt(runtime, table, code);
}

void AppendReplacement(Runtime& runtime, const Value& replacement, std::string& out) {
  if (replacement.IsNone()) return;
  if (replacement.IsString()) {
    out += replacement.Text();
  } else if (replacement.IsIntegral()) {
    const Int code = replacement.AsInt();
    if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      runtime.Fail("translate(): a character is mapped to a number that is none");
    }
    AppendUtf8(static_cast<char32_t>(code), out);
  } else {
    runtime.Fail("translate() expects a dict of integers, strings and none, found {}",
                 TypeName(replacement));
  }
}

Value CodeOf(char32_t c) { return Value::Integer(static_cast<Int>(c)); }

// maketrans(dict): keys of one character become its code point.
Value TranslationOfDict(Runtime& runtime, const Value& dict) {
  if (!dict.IsDict()) runtime.Fail("maketrans() expects a dict, found {}", TypeName(dict));
  auto table = runtime.NewDict();
  for (const auto& [key, value] : dict.AsDict().entries) {
    if (key.IsString()) {
      const std::vector<char32_t> chars = Decode(key.Text());
      if (chars.size() != 1) runtime.Fail("maketrans() expects keys of one character");
      table->Set(runtime, CodeOf(chars[0]), value);
    } else if (key.IsIntegral()) {
      table->Set(runtime, key, value);
    } else {
      runtime.Fail("maketrans() expects strings or integers as keys, found {}", TypeName(key));
    }
  }
  return runtime.Dict(std::move(table));
}

}  // namespace

Value Translate(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "translate", arguments, {"table"}, 1, Keywords::kRefused);
  const Value& table = bound[0];
  std::string out;
  for (const char32_t c : Decode(self.Text())) {
    runtime.Step();
    if (const std::optional<Value> replacement = Mapped(runtime, table, c)) {
      AppendReplacement(runtime, *replacement, out);
    } else {
      AppendUtf8(c, out);
    }
    runtime.CheckBytes(out.size());
  }
  return runtime.StringLike(self, std::move(out));
}

Value MakeTranslation(Runtime& runtime, const Value&, CallArguments& arguments) {
  const BoundArguments bound(runtime, "maketrans", arguments, {"from", "to", "deleted"}, 1,
                             Keywords::kRefused);
  if (!bound.Has(1)) return TranslationOfDict(runtime, bound[0]);
  const std::vector<char32_t> from = Decode(bound.String(0).Text());
  const std::vector<char32_t> to = Decode(bound.String(1).Text());
  if (from.size() != to.size()) {
    runtime.Fail("maketrans() expects texts of equal length, found {} and {} characters",
                 from.size(), to.size());
  }
  auto table = runtime.NewDict();
  for (size_t i = 0; i < from.size(); ++i) {
    table->Set(runtime, CodeOf(from[i]), CodeOf(to[i]));
  }
  if (bound.Has(2)) {
    for (const char32_t c : Decode(bound.String(2).Text())) {
      table->Set(runtime, CodeOf(c), Value::None());
    }
  }
  return runtime.Dict(std::move(table));
}

}  // namespace trinity::jinja
