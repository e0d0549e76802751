#include "chat/jinja/predicates.h"

#include "chat/jinja/attributes.h"
#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/filters.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_repr.h"
#include "chat/jinja/string_predicates.h"

namespace trinity::jinja {
namespace {

const Value& Only(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "test", arguments, {"value"}, 1);
  return arguments.positional[0];
}

template <bool (Value::*kAsk)() const>
bool IsKind(Runtime& runtime, CallArguments& arguments) {
  return (Only(runtime, arguments).*kAsk)();
}

template <Comparison kComparison>
bool Compares(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "test", arguments, {"a", "b"}, 2, Keywords::kRefused);
  return Compare(runtime, kComparison, bound[0], bound[1]);
}

bool HasRemainder(Runtime& runtime, const Value& value, const Value& divisor, Int remainder) {
  return Equal(runtime, Apply(runtime, BinaryOperator::kModulo, value, divisor),
               Value::Integer(remainder));
}

bool IsOdd(Runtime& runtime, CallArguments& arguments) {
  return HasRemainder(runtime, Only(runtime, arguments), Value::Integer(2), 1);
}

bool IsEven(Runtime& runtime, CallArguments& arguments) {
  return HasRemainder(runtime, Only(runtime, arguments), Value::Integer(2), 0);
}

bool IsDivisibleBy(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "divisibleby", arguments, {"value", "num"}, 2);
  return HasRemainder(runtime, bound[0], bound[1], 0);
}

bool IsDefined(Runtime& runtime, CallArguments& arguments) {
  return !Only(runtime, arguments).IsUndefined();
}

bool IsTrue(Runtime& runtime, CallArguments& arguments) {
  const Value& value = Only(runtime, arguments);
  return value.IsBool() && value.AsBool();
}

bool IsFalse(Runtime& runtime, CallArguments& arguments) {
  const Value& value = Only(runtime, arguments);
  return value.IsBool() && !value.AsBool();
}

bool IsLowerCase(Runtime& runtime, CallArguments& arguments) {
  return IsLower(Str(runtime, Only(runtime, arguments)));
}

bool IsUpperCase(Runtime& runtime, CallArguments& arguments) {
  return IsUpper(Str(runtime, Only(runtime, arguments)));
}

bool IsMapping(Runtime& runtime, CallArguments& arguments) {
  return Only(runtime, arguments).IsDict();
}

bool IsSequence(Runtime& runtime, CallArguments& arguments) {
  switch (Only(runtime, arguments).kind()) {
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kDict:
    case Kind::kRange:
    case Kind::kUndefined:
      return true;
    default:
      return false;
  }
}

bool IsIterableValue(Runtime& runtime, CallArguments& arguments) {
  const Value& value = Only(runtime, arguments);
  if (value.kind() == Kind::kCallable) return value.As<CallableObject>().IsIterable();
  return IsIterable(value);
}

bool IsCallableValue(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "callable", arguments, {"obj"}, 1, Keywords::kRefused);
  return IsCallable(bound[0]);
}

bool IsSameAs(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "sameas", arguments, {"value", "other"}, 2);
  const Value& a = bound[0];
  const Value& b = bound[1];
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNone:
      return true;
    case Kind::kBool:
      return a.AsBool() == b.AsBool();
    // CPython keeps one object for each integer from -5 to 256.
    case Kind::kInt:
      return a.AsInt() == b.AsInt() && a.AsInt() >= -5 && a.AsInt() <= 256;
    case Kind::kFloat:
      return false;
    default:
      return a.object() == b.object();
  }
}

bool IsFilterName(Runtime& runtime, CallArguments& arguments) {
  const Value& value = Only(runtime, arguments);
  if (!IsHashable(runtime, value)) runtime.Fail("unhashable type: {}", TypeName(value));
  return value.IsString() && FindFilter(value.Text()) != nullptr;
}

bool IsTestName(Runtime& runtime, CallArguments& arguments) {
  const Value& value = Only(runtime, arguments);
  if (!IsHashable(runtime, value)) runtime.Fail("unhashable type: {}", TypeName(value));
  return value.IsString() && FindPredicate(value.Text()) != nullptr;
}

bool IsInContainer(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "in", arguments, {"value", "seq"}, 2);
  return Contains(runtime, bound[1], bound[0]);
}

struct NamedPredicate {
  std::string_view name;
  Predicate predicate;
};

constexpr NamedPredicate kPredicates[] = {
    {"odd", IsOdd},
    {"even", IsEven},
    {"divisibleby", IsDivisibleBy},
    {"defined", IsDefined},
    {"undefined", IsKind<&Value::IsUndefined>},
    {"filter", IsFilterName},
    {"test", IsTestName},
    {"none", IsKind<&Value::IsNone>},
    {"boolean", IsKind<&Value::IsBool>},
    {"false", IsFalse},
    {"true", IsTrue},
    {"integer", IsKind<&Value::IsInt>},
    {"float", IsKind<&Value::IsFloat>},
    {"lower", IsLowerCase},
    {"upper", IsUpperCase},
    {"string", IsKind<&Value::IsString>},
    {"mapping", IsMapping},
    {"number", IsKind<&Value::IsNumber>},
    {"sequence", IsSequence},
    {"iterable", IsIterableValue},
    {"callable", IsCallableValue},
    {"sameas", IsSameAs},
    {"escaped", IsKind<&Value::IsMarkup>},
    {"in", IsInContainer},
    {"==", Compares<Comparison::kEqual>},
    {"eq", Compares<Comparison::kEqual>},
    {"equalto", Compares<Comparison::kEqual>},
    {"!=", Compares<Comparison::kNotEqual>},
    {"ne", Compares<Comparison::kNotEqual>},
    {">", Compares<Comparison::kGreater>},
    {"gt", Compares<Comparison::kGreater>},
    {"greaterthan", Compares<Comparison::kGreater>},
    {"ge", Compares<Comparison::kGreaterEqual>},
    {">=", Compares<Comparison::kGreaterEqual>},
    {"<", Compares<Comparison::kLess>},
    {"lt", Compares<Comparison::kLess>},
    {"lessthan", Compares<Comparison::kLess>},
    {"<=", Compares<Comparison::kLessEqual>},
    {"le", Compares<Comparison::kLessEqual>},
};

}  // namespace

Predicate FindPredicate(std::string_view name) {
  for (const NamedPredicate& predicate : kPredicates) {
    if (predicate.name == name) return predicate.predicate;
  }
  return nullptr;
}

}  // namespace trinity::jinja
