#include "chat/jinja/json_dump.h"

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_number.h"
#include "chat/jinja/text_builder.h"

namespace trinity::jinja {
namespace {

class JsonWriter {
 public:
  JsonWriter(Runtime& runtime, const JsonOptions& options)
      : runtime_(runtime), options_(options), out_(runtime) {}

  void Write(const Value& value) {
    const DepthGuard guard(runtime_);
    runtime_.Step();
    switch (value.kind()) {
      case Kind::kNone:
        return Put("null");
      case Kind::kBool:
        return Put(value.AsBool() ? "true" : "false");
      case Kind::kInt:
        return Put(IntText(value.AsInt()));
      case Kind::kFloat:
        return Put(Number(value.AsFloat()));
      case Kind::kString:
        return WriteText(value.Text());
      case Kind::kList:
      case Kind::kTuple:
        return WriteList(value.Items());
      case Kind::kDict:
        return WriteDict(value.AsDict());
      default:
        runtime_.Fail("{} cannot be written as JSON", TypeName(value));
    }
  }

  std::string Take() { return out_.Take(); }

 private:
  void Put(std::string_view text) {
    runtime_.Work(text.size());
    out_.Append(text);
  }

  void NewLine() {
    if (!options_.indent) return;
    Put("\n");
    for (int i = 0; i < level_; ++i) Put(*options_.indent);
  }

  void WriteList(const std::vector<Value>& items) {
    if (items.empty()) return Put("[]");
    Put("[");
    ++level_;
    bool is_first = true;
    for (const Value& item : items) {
      if (!is_first) Put(options_.item_separator);
      is_first = false;
      NewLine();
      Write(item);
    }
    --level_;
    NewLine();
    Put("]");
  }

  void WriteDict(const DictObject& dict) {
    if (dict.entries.empty()) return Put("{}");
    Put("{");
    ++level_;
    bool is_first = true;
    for (const auto* entry : Ordered(dict)) {
      if (!is_first) Put(options_.item_separator);
      is_first = false;
      NewLine();
      WriteText(KeyText(entry->first));
      Put(options_.key_separator);
      Write(entry->second);
    }
    --level_;
    NewLine();
    Put("}");
  }

  using Entry = std::pair<Value, Value>;

  std::vector<const Entry*> Ordered(const DictObject& dict) {
    std::vector<const Entry*> entries;
    for (const Entry& entry : dict.entries) entries.push_back(&entry);
    if (options_.sort_keys) {
      std::stable_sort(entries.begin(), entries.end(), [this](const Entry* a, const Entry* b) {
        return Less(runtime_, a->first, b->first);
      });
    }
    return entries;
  }

  std::string KeyText(const Value& key) {
    switch (key.kind()) {
      case Kind::kString:
        return key.Text();
      case Kind::kNone:
        return "null";
      case Kind::kBool:
        return key.AsBool() ? "true" : "false";
      case Kind::kInt:
        return IntText(key.AsInt());
      case Kind::kFloat:
        return Number(key.AsFloat());
      default:
        runtime_.Fail("{} cannot be a key in JSON", TypeName(key));
    }
  }

  static std::string Number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return FloatText(value);
  }

  void WriteText(std::string_view text) {
    Put("\"");
    std::string escaped;
    while (!text.empty()) {
      if (escaped.size() > kPieceBytes) {
        Put(escaped);
        escaped.clear();
      }
      const auto byte = static_cast<uint8_t>(text[0]);
      size_t size = 1;
      if (byte < 0x80) {
        AppendAscii(text[0], escaped);
      } else {
        const Utf8Char c = DecodeUtf8(text);
        size = c.num_bytes;
        if (options_.ensure_ascii) {
          AppendUtf16(c.code_point, escaped);
        } else {
          escaped += text.substr(0, size);
        }
      }
      text.remove_prefix(size);
    }
    Put(escaped);
    Put("\"");
  }

  static void AppendAscii(char c, std::string& out) {
    switch (c) {
      case '"':
        out += "\\\"";
        return;
      case '\\':
        out += "\\\\";
        return;
      case '\n':
        out += "\\n";
        return;
      case '\r':
        out += "\\r";
        return;
      case '\t':
        out += "\\t";
        return;
      case '\f':
        out += "\\f";
        return;
      case '\b':
        out += "\\b";
        return;
      default:
        break;
    }
    if (static_cast<uint8_t>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<int>(c));
    } else {
      out += c;
    }
  }

  static void AppendUtf16(char32_t c, std::string& out) {
    if (c >= 0x10000) {
      const uint32_t rest = static_cast<uint32_t>(c) - 0x10000;
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    } else {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
    }
  }

  Runtime& runtime_;
  const JsonOptions& options_;
  TextBuilder out_;
  int level_ = 0;
};

}  // namespace

std::string JsonText(Runtime& runtime, const Value& value, const JsonOptions& options) {
  JsonWriter writer(runtime, options);
  writer.Write(value);
  return writer.Take();
}

}  // namespace trinity::jinja
