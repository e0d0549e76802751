#include "chat/jinja/operators.h"

#include <cmath>
#include <cstring>

#include "chat/jinja/arithmetic.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/markup.h"
#include "chat/jinja/percent_format.h"
#include "chat/jinja/text_builder.h"

namespace trinity::jinja {
namespace {

std::string_view Symbol(BinaryOperator op) {
  switch (op) {
    case BinaryOperator::kAdd:
      return "+";
    case BinaryOperator::kSubtract:
      return "-";
    case BinaryOperator::kMultiply:
      return "*";
    case BinaryOperator::kDivide:
      return "/";
    case BinaryOperator::kFloorDivide:
      return "//";
    case BinaryOperator::kModulo:
      return "%";
    case BinaryOperator::kPower:
      return "**";
  }
  return "?";
}

[[noreturn]] void FailOperands(Runtime& runtime, BinaryOperator op, const Value& left,
                               const Value& right) {
  if (left.IsUndefined()) FailUndefined(runtime, left);
  if (right.IsUndefined()) FailUndefined(runtime, right);
  runtime.Fail("unsupported operand types for {}: {} and {}", Symbol(op), TypeName(left),
               TypeName(right));
}

Value Add(Runtime& runtime, const Value& left, const Value& right) {
  if (left.IsString() && right.IsString()) {
    if (left.IsMarkup() || right.IsMarkup()) {
      TextBuilder out(runtime);
      out.Append(EscapedText(runtime, left));
      out.Append(EscapedText(runtime, right));
      return runtime.MarkupString(out.Take());
    }
    runtime.CheckBytes(left.Text().size() + right.Text().size());
    return runtime.String(left.Text() + right.Text());
  }
  if (!left.IsSequence() || left.kind() != right.kind()) {
    FailOperands(runtime, BinaryOperator::kAdd, left, right);
  }
  runtime.CheckItems(left.Items().size() + right.Items().size());
  std::vector<Value> items = left.Items();
  items.insert(items.end(), right.Items().begin(), right.Items().end());
  return left.kind() == Kind::kList ? runtime.List(std::move(items))
                                    : runtime.Tuple(std::move(items));
}

Value Repeat(Runtime& runtime, const Value& value, Int times) {
  const size_t size = value.IsString() ? value.Text().size() : value.Items().size();
  const Int count = times < 0 || size == 0 ? 0 : times;
  const size_t limit =
      value.IsString() ? runtime.limits().max_string_bytes : runtime.limits().max_items;
  if (count > 0 && count > static_cast<Int>(limit / size)) {
    runtime.Fail("a repetition of {} times {}: at most {} are allowed", static_cast<double>(count),
                 size, limit);
  }
  if (value.IsString()) {
    std::string text;
    text.reserve(size * static_cast<size_t>(count));
    for (Int i = 0; i < count; ++i) text += value.Text();
    return runtime.StringLike(value, std::move(text));
  }
  std::vector<Value> items;
  items.reserve(size * static_cast<size_t>(count));
  for (Int i = 0; i < count; ++i) {
    items.insert(items.end(), value.Items().begin(), value.Items().end());
  }
  return value.kind() == Kind::kList ? runtime.List(std::move(items))
                                     : runtime.Tuple(std::move(items));
}

bool EqualSequences(Runtime& runtime, const std::vector<Value>& left,
                    const std::vector<Value>& right) {
  if (left.size() != right.size()) return false;
  for (size_t i = 0; i < left.size(); ++i) {
    if (!Equal(runtime, left[i], right[i])) return false;
  }
  return true;
}

bool EqualDicts(Runtime& runtime, const DictObject& left, const DictObject& right) {
  if (left.entries.size() != right.entries.size()) return false;
  for (const auto& entry : left.entries) {
    const Value* other = right.Find(runtime, entry.first);
    if (other == nullptr || !Equal(runtime, entry.second, *other)) return false;
  }
  return true;
}

bool EqualRanges(const RangeObject& left, const RangeObject& right) {
  if (left.Length() != right.Length()) return false;
  if (left.Length() == 0) return true;
  return left.start == right.start && (left.Length() == 1 || left.step == right.step);
}

// -1, 0, 1; 2 where one is not a number.
int CompareNumbers(const Value& left, const Value& right) {
  if (left.IsIntegral() && right.IsIntegral()) {
    return left.AsInt() < right.AsInt() ? -1 : left.AsInt() > right.AsInt();
  }
  if (left.IsFloat() && right.IsFloat()) {
    const double a = left.AsFloat();
    const double b = right.AsFloat();
    if (std::isnan(a) || std::isnan(b)) return 2;
    return a < b ? -1 : a > b;
  }
  if (right.IsFloat()) {
    const int reversed = CompareNumbers(right, left);
    return reversed == 2 ? 2 : -reversed;
  }
  const double value = left.AsFloat();
  if (std::isnan(value)) return 2;
  if (value >= kTwoTo126 * 2) return 1;
  if (value < -kTwoTo126 * 2) return -1;
  const Int whole = static_cast<Int>(value);
  if (whole != right.AsInt()) return whole < right.AsInt() ? -1 : 1;
  const double fraction = value - std::trunc(value);
  return fraction < 0 ? -1 : fraction > 0;
}

[[noreturn]] void FailOrder(Runtime& runtime, std::string_view symbol, const Value& left,
                            const Value& right) {
  if (left.IsUndefined()) FailUndefined(runtime, left);
  if (right.IsUndefined()) FailUndefined(runtime, right);
  runtime.Fail("{} is not supported between {} and {}", symbol, TypeName(left), TypeName(right));
}

// left < right, or left <= right where `or_equal`.
bool Ordered(Runtime& runtime, const Value& left, const Value& right, Comparison comparison) {
  const DepthGuard guard(runtime);
  runtime.Step();
  const bool or_equal = comparison == Comparison::kLessEqual;
  if (left.IsNumber() && right.IsNumber()) {
    const int order = CompareNumbers(left, right);
    return order == -1 || (or_equal && order == 0);
  }
  if (left.IsString() && right.IsString()) {
    // Byte order of UTF-8 is the order of code points.
    runtime.Work(std::min(left.Text().size(), right.Text().size()));
    const int order = left.Text().compare(right.Text());
    return order < 0 || (or_equal && order == 0);
  }
  if (!left.IsSequence() || left.kind() != right.kind()) {
    FailOrder(runtime, or_equal ? "<=" : "<", left, right);
  }
  const std::vector<Value>& a = left.Items();
  const std::vector<Value>& b = right.Items();
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (!Equal(runtime, a[i], b[i])) return Ordered(runtime, a[i], b[i], comparison);
  }
  return a.size() < b.size() || (or_equal && a.size() == b.size());
}

bool ContainsInRange(Runtime& runtime, const RangeObject& range, const Value& item) {
  if (!item.IsNumber()) return false;
  Value whole = item;
  if (item.IsFloat()) {
    if (!std::isfinite(item.AsFloat()) || item.AsFloat() != std::floor(item.AsFloat()))
      return false;
    whole = Value::Integer(IntFromFloat(runtime, item.AsFloat()));
  }
  const Int offset = whole.AsInt() - range.start;
  if (offset % range.step != 0) return false;
  const Int index = offset / range.step;
  return index >= 0 && index < range.Length();
}

size_t HashNumber(const Value& value) {
  if (value.IsFloat()) {
    const double number = value.AsFloat();
    if (!(std::abs(number) < kTwoTo126) || number != std::floor(number)) {
      return std::hash<double>()(number);
    }
    return HashNumber(Value::Integer(static_cast<Int>(number)));
  }
  const auto bits = static_cast<UnsignedInt>(value.AsInt());
  return std::hash<uint64_t>()(static_cast<uint64_t>(bits) ^
                               (static_cast<uint64_t>(bits >> 64) * 0x9E3779B97F4A7C15u));
}

}  // namespace

void FailUndefined(Runtime& runtime, const Value& value) {
  runtime.FailWith(value.As<UndefinedObject>().message);
}

Value Apply(Runtime& runtime, BinaryOperator op, const Value& left, const Value& right) {
  if (left.IsNumber() && right.IsNumber()) return Arithmetic(runtime, op, left, right);
  if (op == BinaryOperator::kModulo && left.IsString()) {
    return PercentFormat(runtime, left, right);
  }
  if (op == BinaryOperator::kAdd) return Add(runtime, left, right);
  if (op == BinaryOperator::kMultiply) {
    const bool left_repeats = left.IsString() || left.IsSequence();
    const bool right_repeats = right.IsString() || right.IsSequence();
    if (left_repeats && right.IsIntegral()) return Repeat(runtime, left, right.AsInt());
    if (right_repeats && left.IsIntegral()) return Repeat(runtime, right, left.AsInt());
  }
  FailOperands(runtime, op, left, right);
}

Value Negate(Runtime& runtime, const Value& value) {
  if (value.IsIntegral()) return Value::Integer(CheckedMultiply(runtime, value.AsInt(), -1));
  if (value.IsFloat()) return Value::Float(-value.AsFloat());
  if (value.IsUndefined()) FailUndefined(runtime, value);
  runtime.Fail("bad operand type for unary -: {}", TypeName(value));
}

Value UnaryPlus(Runtime& runtime, const Value& value) {
  if (value.IsIntegral()) return Value::Integer(value.AsInt());
  if (value.IsFloat()) return value;
  if (value.IsUndefined()) FailUndefined(runtime, value);
  runtime.Fail("bad operand type for unary +: {}", TypeName(value));
}

bool Truth(Runtime& runtime, const Value& value) {
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.AsInt() != 0;
    case Kind::kFloat:
      return value.AsFloat() != 0;
    case Kind::kString:
      return !value.Text().empty();
    case Kind::kIterator:
    case Kind::kNamespace:
      return true;
    case Kind::kCallable: {
      const std::optional<Int> length = LengthOf(runtime, value);
      return !length || *length != 0;
    }
    default:
      return *LengthOf(runtime, value) != 0;
  }
}

bool Compare(Runtime& runtime, Comparison comparison, const Value& left, const Value& right) {
  switch (comparison) {
    case Comparison::kEqual:
      return Equal(runtime, left, right);
    case Comparison::kNotEqual:
      return !Equal(runtime, left, right);
    case Comparison::kLess:
    case Comparison::kLessEqual:
      return Ordered(runtime, left, right, comparison);
    case Comparison::kGreater:
      return Ordered(runtime, right, left, Comparison::kLess);
    case Comparison::kGreaterEqual:
      return Ordered(runtime, right, left, Comparison::kLessEqual);
    case Comparison::kIn:
      return Contains(runtime, right, left);
    case Comparison::kNotIn:
      return !Contains(runtime, right, left);
  }
  return false;
}

bool Less(Runtime& runtime, const Value& left, const Value& right) {
  return Ordered(runtime, left, right, Comparison::kLess);
}

bool Equal(Runtime& runtime, const Value& left, const Value& right) {
  const DepthGuard guard(runtime);
  runtime.Step();
  if (left.IsNumber() && right.IsNumber()) return CompareNumbers(left, right) == 0;
  if (left.kind() != right.kind()) return false;
  switch (left.kind()) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kString:
      if (left.Text().size() != right.Text().size()) return false;
      runtime.Work(left.Text().size());
      return left.Text() == right.Text();
    case Kind::kList:
    case Kind::kTuple:
      return EqualSequences(runtime, left.Items(), right.Items());
    case Kind::kDict:
      return EqualDicts(runtime, left.AsDict(), right.AsDict());
    case Kind::kRange:
      return EqualRanges(left.As<RangeObject>(), right.As<RangeObject>());
    case Kind::kDictView: {
      using Part = DictViewObject::Part;
      const auto& a = left.As<DictViewObject>();
      const auto& b = right.As<DictViewObject>();
      if (a.part == Part::kValues || b.part == Part::kValues) return &a == &b;
      if (*LengthOf(runtime, left) != *LengthOf(runtime, right)) return false;
      for (const Value& item : ToVector(runtime, left)) {
        if (!Contains(runtime, right, item)) return false;
      }
      return true;
    }
    default:
      return left.object() == right.object();
  }
}

bool Contains(Runtime& runtime, const Value& container, const Value& item) {
  switch (container.kind()) {
    case Kind::kString:
      if (item.IsUndefined()) FailUndefined(runtime, item);
      if (!item.IsString()) {
        runtime.Fail("'in <string>' requires a string on the left, found {}", TypeName(item));
      }
      runtime.Work(container.Text().size() + item.Text().size());
      // memmem is linear for every needle; std::string::find is not.
      return memmem(container.Text().data(), container.Text().size(), item.Text().data(),
                    item.Text().size()) != nullptr;
    case Kind::kDict:
      return container.AsDict().Find(runtime, item) != nullptr;
    case Kind::kDictView: {
      const auto& view = container.As<DictViewObject>();
      if (view.part == DictViewObject::Part::kKeys) return Contains(runtime, view.dict, item);
      break;
    }
    case Kind::kRange:
      return ContainsInRange(runtime, container.As<RangeObject>(), item);
    default:
      break;
  }
  const Value iterator = Iterate(runtime, container);
  Value candidate;
  while (NextOf(runtime, iterator, candidate)) {
    const bool is_same = candidate.object() != nullptr && candidate.object() == item.object();
    if (is_same || Equal(runtime, candidate, item)) return true;
  }
  return false;
}

bool IsHashable(Runtime& runtime, const Value& value) {
  const DepthGuard guard(runtime);
  runtime.Step();
  switch (value.kind()) {
    case Kind::kList:
    case Kind::kDict:
      return false;
    case Kind::kDictView:
      return value.As<DictViewObject>().part == DictViewObject::Part::kValues;
    case Kind::kTuple:
      for (const Value& item : value.Items()) {
        if (!IsHashable(runtime, item)) return false;
      }
      return true;
    default:
      return true;
  }
}

size_t Hash(Runtime& runtime, const Value& value) {
  const DepthGuard guard(runtime);
  runtime.Step();
  switch (value.kind()) {
    case Kind::kUndefined:
      return 1;
    case Kind::kNone:
      return 2;
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
      return HashNumber(value);
    case Kind::kString:
      runtime.Work(value.Text().size());
      return std::hash<std::string_view>()(value.Text());
    case Kind::kTuple: {
      size_t hash = 3;
      for (const Value& item : value.Items()) hash = hash * 1000003 + Hash(runtime, item);
      return hash;
    }
    case Kind::kRange:
      return std::hash<uint64_t>()(static_cast<uint64_t>(value.As<RangeObject>().Length()));
    default:
      break;
  }
  if (!IsHashable(runtime, value)) runtime.Fail("unhashable type: {}", TypeName(value));
  return std::hash<const void*>()(value.object().get());
}

}  // namespace trinity::jinja
