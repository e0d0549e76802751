#include "chat/jinja/container_methods.h"

#include <algorithm>
#include <cmath>

#include "chat/jinja/attributes.h"
#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_number.h"

namespace trinity::jinja {
namespace {

struct NamedMethod {
  std::string_view name;
  Method method;
};

void NoArguments(Runtime& runtime, std::string_view name, const CallArguments& arguments) {
  const BoundArguments none(runtime, name, arguments, {}, 0);
}

Value Index(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "index", arguments, {"value", "start", "stop"}, 1,
                             Keywords::kRefused);
  const Int length = *LengthOf(runtime, self);
  const auto clamp = [length](Int value) {
    if (value < 0) value += length;
    return std::clamp<Int>(value, 0, length);
  };
  const Int start = clamp(bound.IntegerOr(1, 0));
  const Int stop = clamp(bound.IntegerOr(2, length));
  for (Int i = start; i < stop; ++i) {
    if (Equal(runtime, *ItemAt(runtime, self, i), bound[0])) return Value::Integer(i);
  }
  runtime.Fail("index(): the value is not in the {}", TypeName(self));
}

Value Count(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "count", arguments, {"value"}, 1, Keywords::kRefused);
  Int count = 0;
  const Int length = *LengthOf(runtime, self);
  for (Int i = 0; i < length; ++i) {
    count += Equal(runtime, *ItemAt(runtime, self, i), bound[0]) ? 1 : 0;
  }
  return Value::Integer(count);
}

Value Copy(Runtime& runtime, const Value& self, CallArguments& arguments) {
  NoArguments(runtime, "copy", arguments);
  return self;
}

Value Get(Runtime& runtime, const Value& self, CallArguments& arguments) {
  const BoundArguments bound(runtime, "get", arguments, {"key", "default"}, 1, Keywords::kRefused);
  const Value* found = self.AsDict().Find(runtime, bound[0]);
  return found != nullptr ? *found : bound.Or(1, Value::None());
}

template <DictViewObject::Part kPart>
Value View(Runtime& runtime, const Value& self, CallArguments& arguments) {
  NoArguments(runtime, "items", arguments);
  auto view = std::make_shared<DictViewObject>();
  view->dict = self;
  view->part = kPart;
  return Value::Of(Kind::kDictView, std::move(view));
}

Value FromKeys(Runtime& runtime, const Value&, CallArguments& arguments) {
  const BoundArguments bound(runtime, "fromkeys", arguments, {"iterable", "value"}, 1,
                             Keywords::kRefused);
  auto dict = runtime.NewDict();
  for (const Value& key : ToVector(runtime, bound[0])) {
    dict->Set(runtime, key, bound.Or(1, Value::None()));
  }
  return runtime.Dict(std::move(dict));
}

Value IsInteger(Runtime& runtime, const Value& self, CallArguments& arguments) {
  NoArguments(runtime, "is_integer", arguments);
  return Value::Bool(std::isfinite(self.AsFloat()) && std::floor(self.AsFloat()) == self.AsFloat());
}

Value BitLength(Runtime& runtime, const Value& self, CallArguments& arguments) {
  NoArguments(runtime, "bit_length", arguments);
  const Int value = self.AsInt();
  return Value::Integer(
      value == 0 ? 0 : static_cast<Int>(IntText(value < 0 ? -value : value, 2).size()));
}

Value BitCount(Runtime& runtime, const Value& self, CallArguments& arguments) {
  NoArguments(runtime, "bit_count", arguments);
  const Int value = self.AsInt();
  const std::string bits = IntText(value < 0 ? -value : value, 2);
  return Value::Integer(std::count(bits.begin(), bits.end(), '1'));
}

Value Conjugate(Runtime& runtime, const Value& self, CallArguments& arguments) {
  NoArguments(runtime, "conjugate", arguments);
  return UnaryPlus(runtime, self);
}

Value IntegerRatio(Runtime& runtime, const Value&, CallArguments&) {
  runtime.Fail("as_integer_ratio() is not supported");
}

Value HexFloat(Runtime& runtime, const Value&, CallArguments&) {
  runtime.Fail("hex() and fromhex() are not supported");
}

Value ToBytes(Runtime& runtime, const Value&, CallArguments&) {
  runtime.Fail("to_bytes() and from_bytes() are not supported: there are no bytes here");
}

using Part = DictViewObject::Part;

constexpr NamedMethod kListMethods[] = {{"count", Count}, {"index", Index}, {"copy", Copy}};
constexpr NamedMethod kTupleMethods[] = {{"count", Count}, {"index", Index}};
constexpr NamedMethod kDictMethods[] = {
    {"get", Get},   {"items", View<Part::kItems>}, {"keys", View<Part::kKeys>},
    {"copy", Copy}, {"fromkeys", FromKeys},        {"values", View<Part::kValues>},
};
constexpr NamedMethod kIntMethods[] = {
    {"bit_length", BitLength}, {"bit_count", BitCount}, {"as_integer_ratio", IntegerRatio},
    {"to_bytes", ToBytes},     {"from_bytes", ToBytes}, {"conjugate", Conjugate},
};
constexpr NamedMethod kFloatMethods[] = {
    {"is_integer", IsInteger}, {"as_integer_ratio", IntegerRatio}, {"hex", HexFloat},
    {"fromhex", HexFloat},     {"conjugate", Conjugate},
};

template <size_t kSize>
bool Bind(Runtime& runtime, const NamedMethod (&methods)[kSize], std::string_view name,
          const Value& value, Value& out) {
  for (const NamedMethod& method : methods) {
    if (method.name != name) continue;
    out = BindMethod(runtime, method.name, method.method, value);
    return true;
  }
  return false;
}

bool FindNumberAttribute(Runtime& runtime, const Value& value, std::string_view name, Value& out) {
  if (name == "real" || (name == "numerator" && value.IsIntegral())) {
    out = UnaryPlus(runtime, value);
    return true;
  }
  if (name == "imag") {
    out = value.IsFloat() ? Value::Float(0) : Value::Integer(0);
    return true;
  }
  if (name == "denominator" && value.IsIntegral()) {
    out = Value::Integer(1);
    return true;
  }
  return value.IsFloat() ? Bind(runtime, kFloatMethods, name, value, out)
                         : Bind(runtime, kIntMethods, name, value, out);
}

bool FindTupleAttribute(Runtime& runtime, const Value& value, std::string_view name, Value& out) {
  if (value.AsSequence().is_group_tuple && (name == "grouper" || name == "list")) {
    out = value.Items()[name == "list" ? 1 : 0];
    return true;
  }
  return Bind(runtime, kTupleMethods, name, value, out);
}

bool FindRangeAttribute(Runtime& runtime, const Value& value, std::string_view name, Value& out) {
  const auto& range = value.As<RangeObject>();
  if (name != "start" && name != "stop" && name != "step") {
    return Bind(runtime, kTupleMethods, name, value, out);
  }
  out = Value::Integer(name == "start" ? range.start : name == "stop" ? range.stop : range.step);
  return true;
}

}  // namespace

bool FindContainerMethod(Runtime& runtime, const Value& value, std::string_view name, Value& out) {
  switch (value.kind()) {
    case Kind::kList:
      return Bind(runtime, kListMethods, name, value, out);
    case Kind::kTuple:
      return FindTupleAttribute(runtime, value, name, out);
    case Kind::kDict:
      return Bind(runtime, kDictMethods, name, value, out);
    case Kind::kRange:
      return FindRangeAttribute(runtime, value, name, out);
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kFloat:
      return FindNumberAttribute(runtime, value, name, out);
    default:
      return false;
  }
}

bool ChangesContainer(const Value& value, std::string_view name) {
  const auto is_one_of = [name](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (value.kind() == Kind::kList) {
    return is_one_of({"append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"});
  }
  if (value.kind() == Kind::kDict) {
    return is_one_of({"clear", "pop", "popitem", "setdefault", "update"});
  }
  return false;
}

}  // namespace trinity::jinja
