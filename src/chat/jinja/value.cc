#include "chat/jinja/value.h"

#include "base/check.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/runtime.h"

namespace trinity::jinja {
namespace {

constexpr size_t kIndexFrom = 8;  // smaller dicts are searched linearly

bool IsText(const Value& value, std::string_view text) {
  return value.IsString() && value.Text() == text;
}

}  // namespace

Value& Value::operator=(Value other) noexcept {
  std::swap(kind_, other.kind_);
  std::swap(integer_, other.integer_);
  std::swap(object_, other.object_);
  return *this;
}

void Value::Dispose() {
  thread_local std::vector<std::shared_ptr<Object>>* pending = nullptr;
  if (pending != nullptr) {
    pending->push_back(std::move(object_));
    return;
  }
  std::vector<std::shared_ptr<Object>> queue;
  pending = &queue;
  queue.push_back(std::move(object_));
  while (!queue.empty()) {
    const std::shared_ptr<Object> object = std::move(queue.back());
    queue.pop_back();
  }
  pending = nullptr;
}

Value Value::Bool(bool value) {
  Value result(Kind::kBool);
  result.integer_ = value ? 1 : 0;
  return result;
}

Value Value::Integer(Int value) {
  Value result(Kind::kInt);
  result.integer_ = value;
  return result;
}

Value Value::Float(double value) {
  Value result(Kind::kFloat);
  result.float_ = value;
  return result;
}

Value Value::ConstantString(std::string text) {
  auto object = std::make_shared<StringObject>();
  object->num_code_points = CountCodePoints(text);
  object->text = std::move(text);
  return Of(Kind::kString, std::move(object));
}

Value Value::Of(Kind kind, std::shared_ptr<Object> object) {
  Value result(kind);
  result.object_ = std::move(object);
  return result;
}

bool Value::IsMarkup() const { return IsString() && AsString().is_markup; }

const StringObject& Value::AsString() const {
  TRINITY_CHECK(IsString());
  return As<StringObject>();
}

const std::string& Value::Text() const { return AsString().text; }

const SequenceObject& Value::AsSequence() const {
  TRINITY_CHECK(IsSequence());
  return As<SequenceObject>();
}

const std::vector<Value>& Value::Items() const { return AsSequence().items; }

const DictObject& Value::AsDict() const {
  TRINITY_CHECK(IsDict());
  return As<DictObject>();
}

const Value* DictObject::Find(Runtime& runtime, const Value& key) const {
  if (key.IsString() && entries.size() < kIndexFrom) return FindText(key.Text());
  const size_t hash = Hash(runtime, key);
  if (index.empty()) {
    for (const auto& entry : entries) {
      if (Equal(runtime, entry.first, key)) return &entry.second;
    }
    return nullptr;
  }
  const auto range = index.equal_range(hash);
  for (auto it = range.first; it != range.second; ++it) {
    if (Equal(runtime, entries[it->second].first, key)) return &entries[it->second].second;
  }
  return nullptr;
}

const Value* DictObject::FindText(std::string_view key) const {
  if (index.empty()) {
    for (const auto& entry : entries) {
      if (IsText(entry.first, key)) return &entry.second;
    }
    return nullptr;
  }
  const auto range = index.equal_range(std::hash<std::string_view>()(key));
  for (auto it = range.first; it != range.second; ++it) {
    if (IsText(entries[it->second].first, key)) return &entries[it->second].second;
  }
  return nullptr;
}

void DictObject::Set(Runtime& runtime, const Value& key, Value value) {
  const size_t hash = Hash(runtime, key);
  if (const Value* found = Find(runtime, key)) {
    const_cast<Value&>(*found) = std::move(value);
    return;
  }
  entries.emplace_back(key, std::move(value));
  if (entries.size() == kIndexFrom) {
    for (size_t i = 0; i < entries.size(); ++i) {
      index.emplace(Hash(runtime, entries[i].first), static_cast<uint32_t>(i));
    }
  } else if (entries.size() > kIndexFrom) {
    index.emplace(hash, static_cast<uint32_t>(entries.size() - 1));
  }
}

Int RangeObject::Length() const {
  if (step > 0) return start < stop ? (stop - start - 1) / step + 1 : 0;
  return start > stop ? (start - stop - 1) / -step + 1 : 0;
}

bool CallableObject::Attribute(Runtime&, std::string_view, Value&) { return false; }

std::string_view TypeName(const Value& value) {
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return value.IsMarkup() ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kDict:
      return "dict";
    case Kind::kDictView:
      return "dict view";
    case Kind::kRange:
      return "range";
    case Kind::kIterator:
      return "generator";
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kCallable:
      return "function";
  }
  return "object";
}

int DepthOf(const Value& value) {
  switch (value.kind()) {
    case Kind::kList:
    case Kind::kTuple:
      return value.AsSequence().depth;
    case Kind::kDict:
      return value.AsDict().depth;
    case Kind::kDictView:
      return DepthOf(value.As<DictViewObject>().dict) + 1;
    default:
      return 0;
  }
}

size_t CountCodePoints(std::string_view utf8) {
  size_t count = 0;
  for (const char c : utf8) count += (static_cast<uint8_t>(c) & 0xC0) != 0x80;
  return count;
}

}  // namespace trinity::jinja
