#include "chat/jinja/string_translate.h"

#include "base/utf8.h"
#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_unicode.h"
#include "chat/jinja/text_builder.h"

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

void AppendReplacement(Runtime& runtime, const Value& replacement, TextBuilder& out) {
  if (replacement.IsNone()) return;
  if (replacement.IsString()) {
    out.Append(replacement.Text());
  } else if (replacement.IsIntegral()) {
    const Int code = replacement.AsInt();
    if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      runtime.Fail("translate(): a character is mapped to a number that is none");
    }
    out.AppendCodePoint(static_cast<char32_t>(code));
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
      if (key.AsString().num_code_points != 1) {
        runtime.Fail("maketrans() expects keys of one character");
      }
      table->Set(runtime, CodeOf(DecodeUtf8(key.Text()).code_point), value);
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
  TextBuilder out(runtime);
  for (const char32_t c : CodePoints(self.Text())) {
    runtime.Step();
    if (const std::optional<Value> replacement = Mapped(runtime, table, c)) {
      AppendReplacement(runtime, *replacement, out);
    } else {
      out.AppendCodePoint(c);
    }
  }
  return runtime.StringLike(self, out.Take());
}

Value MakeTranslation(Runtime& runtime, const Value&, CallArguments& arguments) {
  const BoundArguments bound(runtime, "maketrans", arguments, {"from", "to", "deleted"}, 1,
                             Keywords::kRefused);
  if (!bound.Has(1)) return TranslationOfDict(runtime, bound[0]);
  const StringObject& from = bound.String(0).AsString();
  const StringObject& to = bound.String(1).AsString();
  if (from.num_code_points != to.num_code_points) {
    runtime.Fail("maketrans() expects texts of equal length, found {} and {} characters",
                 from.num_code_points, to.num_code_points);
  }
  auto table = runtime.NewDict();
  const auto set = [&](char32_t c, const Value& value) {
    table->Set(runtime, CodeOf(c), value);
    runtime.CheckItems(table->entries.size());
  };
  auto target = CodePoints(to.text).begin();
  for (const char32_t c : CodePoints(from.text)) {
    set(c, CodeOf(*target));
    ++target;
  }
  if (bound.Has(2)) {
    for (const char32_t c : CodePoints(bound.String(2).Text())) set(c, Value::None());
  }
  return runtime.Dict(std::move(table));
}

}  // namespace trinity::jinja
