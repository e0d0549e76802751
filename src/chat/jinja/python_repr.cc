#include "chat/jinja/python_repr.h"

#include "base/utf8.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/python_number.h"
#include "chat/jinja/python_unicode.h"
#include "chat/jinja/text_builder.h"

namespace trinity::jinja {
namespace {

void AppendEscape(char32_t c, std::string& out) {
  if (c < 0x100) {
    out += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
  } else if (c < 0x10000) {
    out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
  } else {
    out += fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
  }
}

char QuoteOf(std::string_view text) {
  return text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
}

// Moves the first character of `text` to `out`, escaped if it must be.
void AppendReprOf(std::string_view& text, char quote, std::string& out) {
  const Utf8Char c = DecodeUtf8(text);
  if (c.code_point == static_cast<char32_t>(quote) || c.code_point == '\\') {
    out += '\\';
    out += text[0];
  } else if (c.code_point == '\n') {
    out += "\\n";
  } else if (c.code_point == '\r') {
    out += "\\r";
  } else if (c.code_point == '\t') {
    out += "\\t";
  } else if (IsIn(CharClass::kNotPrintable, c.code_point)) {
    AppendEscape(c.code_point, out);
  } else {
    out += text.substr(0, c.num_bytes);
  }
  text.remove_prefix(c.num_bytes);
}

class ReprWriter {
 public:
  explicit ReprWriter(Runtime& runtime) : runtime_(runtime), out_(runtime) {}

  void Write(const Value& value) {
    const DepthGuard guard(runtime_);
    runtime_.Step();
    switch (value.kind()) {
      case Kind::kMissing:
      case Kind::kUndefined:
        return Put("Undefined");
      case Kind::kNone:
        return Put("None");
      case Kind::kBool:
        return Put(value.AsBool() ? "True" : "False");
      case Kind::kInt:
        return Put(IntText(value.AsInt()));
      case Kind::kFloat:
        return Put(FloatText(value.AsFloat()));
      case Kind::kString:
        return WriteString(value);
      case Kind::kList:
        return WriteItems(value, "[", "]");
      case Kind::kTuple:
        return WriteItems(value, "(", value.Items().size() == 1 ? ",)" : ")");
      case Kind::kDict:
        return WriteDict(value.AsDict());
      case Kind::kDictView:
        return WriteView(value);
      case Kind::kRange:
        return WriteRange(value.As<RangeObject>());
      case Kind::kIterator:
        return Put("<generator object>");
      case Kind::kNamespace:
        Put("<Namespace ");
        WriteDict(*value.As<NamespaceObject>().attributes);
        return Put(">");
      case Kind::kCallable:
        return Put(value.As<CallableObject>().Describe(runtime_));
    }
  }

  std::string Take() { return out_.Take(); }

 private:
  void Put(std::string_view text) {
    runtime_.Work(text.size());
    out_.Append(text);
  }

  void WriteString(const Value& value) {
    if (value.IsMarkup()) Put("Markup(");
    std::string_view text = value.Text();
    const char quote = QuoteOf(text);
    Put({&quote, 1});
    std::string piece;
    while (!text.empty()) {
      piece.clear();
      while (!text.empty() && piece.size() < kPieceBytes) AppendReprOf(text, quote, piece);
      Put(piece);
    }
    Put({&quote, 1});
    if (value.IsMarkup()) Put(")");
  }

  void WriteItems(const Value& value, std::string_view open, std::string_view close) {
    Put(open);
    bool first = true;
    for (const Value& item : value.Items()) {
      if (!first) Put(", ");
      first = false;
      Write(item);
    }
    Put(close);
  }

  void WriteDict(const DictObject& dict) {
    Put("{");
    bool first = true;
    for (const auto& entry : dict.entries) {
      if (!first) Put(", ");
      first = false;
      Write(entry.first);
      Put(": ");
      Write(entry.second);
    }
    Put("}");
  }

  void WriteView(const Value& value) {
    switch (value.As<DictViewObject>().part) {
      case DictViewObject::Part::kKeys:
        Put("dict_keys(");
        break;
      case DictViewObject::Part::kValues:
        Put("dict_values(");
        break;
      case DictViewObject::Part::kItems:
        Put("dict_items(");
        break;
    }
    WriteItems(runtime_.List(ToVector(runtime_, value)), "[", "]");
    Put(")");
  }

  void WriteRange(const RangeObject& range) {
    Put("range(" + IntText(range.start) + ", " + IntText(range.stop));
    if (range.step != 1) Put(", " + IntText(range.step));
    Put(")");
  }

  Runtime& runtime_;
  TextBuilder out_;
};

}  // namespace

std::string Repr(Runtime& runtime, const Value& value) {
  ReprWriter writer(runtime);
  writer.Write(value);
  return writer.Take();
}

std::string Str(Runtime& runtime, const Value& value) {
  if (value.IsString()) return value.Text();
  if (value.IsUndefined() || value.IsMissing()) return "";
  return Repr(runtime, value);
}

std::string ReprText(std::string_view text) {
  const char quote = QuoteOf(text);
  std::string out(1, quote);
  while (!text.empty()) AppendReprOf(text, quote, out);
  return out += quote;
}

std::string Ascii(Runtime& runtime, const Value& value) {
  TextBuilder out(runtime);
  std::string escaped;
  const Value repr = runtime.String(Repr(runtime, value));
  for (const char32_t c : CodePoints(repr.Text())) {
    if (c < 128) {
      out.Append(static_cast<char>(c));
    } else {
      escaped.clear();
      AppendEscape(c, escaped);
      out.Append(escaped);
    }
  }
  return out.Take();
}

Value SoftString(Runtime& runtime, const Value& value) {
  return value.IsString() ? value : runtime.String(Str(runtime, value));
}

}  // namespace trinity::jinja
