#include "chat/jinja/iteration.h"

#include <algorithm>

#include "base/utf8.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_unicode.h"
#include "chat/jinja/text_builder.h"

namespace trinity::jinja {
namespace {

struct SequenceIterator final : IteratorObject {
  explicit SequenceIterator(Value source) : sequence(std::move(source)) {}
  bool Next(Runtime&, Value& out) override {
    const std::vector<Value>& items = sequence.Items();
    if (index >= items.size()) return false;
    out = items[index++];
    return true;
  }
  Value sequence;
  size_t index = 0;
};

struct StringIterator final : IteratorObject {
  explicit StringIterator(Value source) : string(std::move(source)) {}
  bool Next(Runtime& runtime, Value& out) override {
    const std::string_view rest = std::string_view(string.Text()).substr(offset);
    if (rest.empty()) return false;
    const size_t num_bytes = DecodeUtf8(rest).num_bytes;
    out = runtime.String(std::string(rest.substr(0, num_bytes)));
    offset += num_bytes;
    return true;
  }
  Value string;
  size_t offset = 0;
};

struct DictIterator final : IteratorObject {
  DictIterator(Value source, DictViewObject::Part what) : dict(std::move(source)), part(what) {}
  bool Next(Runtime& runtime, Value& out) override {
    const auto& entries = dict.AsDict().entries;
    if (index >= entries.size()) return false;
    const auto& entry = entries[index++];
    switch (part) {
      case DictViewObject::Part::kKeys:
        out = entry.first;
        break;
      case DictViewObject::Part::kValues:
        out = entry.second;
        break;
      case DictViewObject::Part::kItems:
        out = runtime.Tuple({entry.first, entry.second});
        break;
    }
    return true;
  }
  Value dict;
  DictViewObject::Part part;
  size_t index = 0;
};

struct RangeIterator final : IteratorObject {
  explicit RangeIterator(const RangeObject& range)
      : next(range.start), step(range.step), left(range.Length()) {}
  bool Next(Runtime&, Value& out) override {
    if (left == 0) return false;
    out = Value::Integer(next);
    next += step;
    --left;
    return true;
  }
  Int next;
  Int step;
  Int left;
};

// Kept by the runtime, because what `next` remembers could hold the generator itself.
struct Generator final : IteratorObject {
  explicit Generator(NextFunction function) : next(std::move(function)) {}
  bool Next(Runtime& runtime, Value& out) override {
    if (next == nullptr) return false;
    if (is_running) runtime.Fail("generator already executing");
    is_running = true;
    const bool has_item = next(runtime, out);
    is_running = false;
    if (!has_item) next = nullptr;
    return has_item;
  }
  void Release() override { next = nullptr; }
  NextFunction next;
  bool is_running = false;
};

Value IteratorOf(std::shared_ptr<IteratorObject> object) {
  return Value::Of(Kind::kIterator, std::move(object));
}

struct Bounds {
  Int start;
  Int stop;
  Int step;
  Int length;
};

Int Clamp(Int value, Int low, Int high) { return std::min(std::max(value, low), high); }

Int SliceIndex(Runtime& runtime, const Value& value) {
  if (!value.IsIntegral()) {
    if (value.IsUndefined()) FailUndefined(runtime, value);
    runtime.Fail("slice indices must be integers or None, found {}", TypeName(value));
  }
  return value.AsInt();
}

// As PySlice_Unpack and PySlice_AdjustIndices.
Bounds SliceBounds(Runtime& runtime, Int length, const Value& start, const Value& stop,
                   const Value& step_value) {
  const Int step = step_value.IsNone() ? 1 : SliceIndex(runtime, step_value);
  if (step == 0) runtime.Fail("slice step cannot be zero");
  const Int low = step < 0 ? -1 : 0;
  const Int high = step < 0 ? length - 1 : length;
  const auto bound = [&](const Value& value, Int absent) {
    if (value.IsNone()) return absent;
    const Int index = SliceIndex(runtime, value);
    return index < 0 ? Clamp(index + length, low, high) : Clamp(index, low, high);
  };
  const Int first = bound(start, step < 0 ? high : low);
  const Int end = bound(stop, step < 0 ? low : high);
  RangeObject range;
  range.start = first;
  range.stop = end;
  range.step = step;
  return {first, end, step, range.Length()};
}

Value SliceString(Runtime& runtime, const Value& value, const Bounds& bounds) {
  const StringObject& string = value.AsString();
  const auto first = static_cast<size_t>(bounds.start);
  const auto length = static_cast<size_t>(bounds.length);
  runtime.Work(string.text.size());
  if (bounds.length == 0) return runtime.StringLike(value, "");
  if (bounds.step == 1) return runtime.StringLike(value, Substring(string, first, first + length));
  TextBuilder out(runtime);
  Int index = bounds.start;
  if (string.IsAscii()) {
    for (Int i = 0; i < bounds.length; ++i, index += bounds.step) {
      out.Append(string.text[static_cast<size_t>(index)]);
    }
    return runtime.StringLike(value, out.Take());
  }
  const MemoryCharge charge = runtime.Borrow(string.text.size() * sizeof(char32_t));
  const std::vector<char32_t> chars = Decode(string.text);
  for (Int i = 0; i < bounds.length; ++i, index += bounds.step) {
    out.AppendCodePoint(chars[static_cast<size_t>(index)]);
  }
  return runtime.StringLike(value, out.Take());
}

}  // namespace

std::string Substring(const StringObject& string, size_t begin, size_t end) {
  if (string.IsAscii()) return string.text.substr(begin, end - begin);
  const size_t first = OffsetOf(string.text, begin);
  const size_t size = OffsetOf(std::string_view(string.text).substr(first), end - begin);
  return string.text.substr(first, size);
}

std::optional<Int> LengthOf(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return 0;
    case Kind::kString:
      return static_cast<Int>(value.AsString().num_code_points);
    case Kind::kList:
    case Kind::kTuple:
      return static_cast<Int>(value.Items().size());
    case Kind::kDict:
      return static_cast<Int>(value.AsDict().entries.size());
    case Kind::kDictView:
      return LengthOf(runtime, value.As<DictViewObject>().dict);
    case Kind::kRange:
      return value.As<RangeObject>().Length();
    case Kind::kCallable:
      return value.As<CallableObject>().Length(runtime);
    default:
      return std::nullopt;
  }
}

bool IsIterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kDictView:
    case Kind::kRange:
    case Kind::kIterator:
      return true;
    default:
      return false;
  }
}

Value Iterate(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return IteratorOf(std::make_shared<SequenceIterator>(runtime.Tuple({})));
    case Kind::kString:
      return IteratorOf(std::make_shared<StringIterator>(value));
    case Kind::kList:
    case Kind::kTuple:
      return IteratorOf(std::make_shared<SequenceIterator>(value));
    case Kind::kDict:
      return IteratorOf(std::make_shared<DictIterator>(value, DictViewObject::Part::kKeys));
    case Kind::kDictView: {
      const auto& view = value.As<DictViewObject>();
      return IteratorOf(std::make_shared<DictIterator>(view.dict, view.part));
    }
    case Kind::kRange:
      return IteratorOf(std::make_shared<RangeIterator>(value.As<RangeObject>()));
    case Kind::kIterator:
      return value;
    default:
      runtime.Fail("{} is not iterable", TypeName(value));
  }
}

std::optional<Value> Reversed(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kDictView:
    case Kind::kRange:
      break;
    default:
      return std::nullopt;
  }
  std::vector<Value> items = ToVector(runtime, value);
  std::reverse(items.begin(), items.end());
  return IteratorOf(std::make_shared<SequenceIterator>(runtime.List(std::move(items))));
}

bool NextOf(Runtime& runtime, const Value& iterator, Value& out) {
  const DepthGuard guard(runtime);
  runtime.Step();
  return iterator.As<IteratorObject>().Next(runtime, out);
}

Value MakeGenerator(Runtime& runtime, NextFunction next) {
  runtime.Step();
  auto generator = std::make_shared<Generator>(std::move(next));
  runtime.Keep(generator);
  return IteratorOf(std::move(generator));
}

std::vector<Value> ToVector(Runtime& runtime, const Value& value) {
  if (value.IsSequence()) {
    runtime.Work(value.Items().size() * sizeof(Value));
    return value.Items();
  }
  const Value iterator = Iterate(runtime, value);
  std::vector<Value> items;
  Value item;
  while (NextOf(runtime, iterator, item)) {
    runtime.CheckItems(items.size() + 1);
    items.push_back(item);
  }
  return items;
}

std::optional<Value> ItemAt(Runtime& runtime, const Value& value, Int index) {
  const Int length = *LengthOf(runtime, value);
  if (index < 0) index += length;
  if (index < 0 || index >= length) return std::nullopt;
  if (value.IsSequence()) return value.Items()[static_cast<size_t>(index)];
  if (value.kind() == Kind::kRange) {
    const auto& range = value.As<RangeObject>();
    return Value::Integer(range.start + index * range.step);
  }
  const auto at = static_cast<size_t>(index);
  if (!value.AsString().IsAscii()) runtime.Work(at);
  return runtime.StringLike(value, Substring(value.AsString(), at, at + 1));
}

Value Slice(Runtime& runtime, const Value& value, const Value& start, const Value& stop,
            const Value& step) {
  if (value.IsUndefined()) FailUndefined(runtime, value);
  if (!value.IsString() && !value.IsSequence() && value.kind() != Kind::kRange) {
    runtime.Fail("{} cannot be sliced", TypeName(value));
  }
  const Bounds bounds = SliceBounds(runtime, *LengthOf(runtime, value), start, stop, step);
  if (value.IsString()) return SliceString(runtime, value, bounds);
  if (value.kind() == Kind::kRange) {
    const auto& range = value.As<RangeObject>();
    return runtime.Range(range.start + bounds.start * range.step,
                         range.start + bounds.stop * range.step, range.step * bounds.step);
  }
  std::vector<Value> items;
  Int index = bounds.start;
  for (Int i = 0; i < bounds.length; ++i, index += bounds.step) {
    items.push_back(value.Items()[static_cast<size_t>(index)]);
  }
  return value.kind() == Kind::kList ? runtime.List(std::move(items))
                                     : runtime.Tuple(std::move(items));
}

}  // namespace trinity::jinja
