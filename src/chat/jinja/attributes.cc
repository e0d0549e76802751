#include "chat/jinja/attributes.h"

#include "chat/jinja/container_methods.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_number.h"
#include "chat/jinja/python_repr.h"
#include "chat/jinja/python_unicode.h"
#include "chat/jinja/string_methods.h"

namespace trinity::jinja {
namespace {

struct BoundMethod final : CallableObject {
  Value Call(Runtime& runtime, CallArguments& arguments) override {
    return method(runtime, self, arguments);
  }
  std::string Describe(Runtime&) const override {
    return fmt::format("<built-in method {} of {} object>", name, TypeName(self));
  }
  std::string_view name;
  Method method = nullptr;
  Value self;
};

struct FunctionObject final : CallableObject {
  Value Call(Runtime& runtime, CallArguments& arguments) override {
    return function(runtime, arguments);
  }
  std::string Describe(Runtime&) const override { return fmt::format("<function {}>", name); }
  std::string_view name;
  Function function = nullptr;
};

std::string ObjectName(const Value& value) {
  if (value.IsNone()) return "None";
  return fmt::format("{} object", TypeName(value));
}

Value NoAttribute(Runtime& runtime, const Value& value, const Value& name) {
  if (!name.IsString()) {
    return runtime.Undefined(
        fmt::format("{} has no element {}", ObjectName(value), Repr(runtime, name)));
  }
  return runtime.Undefined(
      fmt::format("'{}' has no attribute {}", ObjectName(value), Repr(runtime, name)));
}

enum class Access { kFound, kUnsafe, kAbsent };

// Dunder names that every Python object has. Others that begin with "__" are simply absent.
bool IsObjectDunder(std::string_view name) {
  for (const std::string_view known :
       {"__class__",   "__doc__",           "__dir__",       "__eq__",          "__format__",
        "__ge__",      "__getattribute__",  "__getstate__",  "__gt__",          "__hash__",
        "__init__",    "__init_subclass__", "__le__",        "__lt__",          "__ne__",
        "__new__",     "__reduce__",        "__reduce_ex__", "__repr__",        "__setattr__",
        "__delattr__", "__sizeof__",        "__str__",       "__subclasshook__"}) {
    if (name == known) return true;
  }
  return false;
}

// getattr(value, name) under the sandbox's rules.
Access FindAttribute(Runtime& runtime, const Value& value, std::string_view name, Value& out) {
  if (value.IsUndefined()) {
    if (name.substr(0, 2) == "__" && name.size() >= 4 && name.substr(name.size() - 2) == "__") {
      return IsObjectDunder(name) ? Access::kUnsafe : Access::kAbsent;
    }
    FailUndefined(runtime, value);
  }
  if (value.kind() == Kind::kNamespace) {
    if (const Value* found = value.As<NamespaceObject>().attributes->FindText(name)) {
      out = *found;
      return Access::kFound;
    }
    return name == "__class__" ? Access::kUnsafe : Access::kAbsent;
  }
  if (!name.empty() && name[0] == '_') {
    return IsObjectDunder(name) ? Access::kUnsafe : Access::kAbsent;
  }
  if (value.kind() == Kind::kCallable) {
    return value.As<CallableObject>().Attribute(runtime, name, out) ? Access::kFound
                                                                    : Access::kAbsent;
  }
  const bool found = value.IsString() ? FindStringMethod(runtime, value, name, out)
                                      : FindContainerMethod(runtime, value, name, out);
  if (found) return Access::kFound;
  return ChangesContainer(value, name) ? Access::kUnsafe : Access::kAbsent;
}

Value UnsafeAttribute(Runtime& runtime, const Value& value, const Value& name) {
  return runtime.Undefined(fmt::format("access to attribute {} of '{}' object is unsafe",
                                       Repr(runtime, name), TypeName(value)));
}

// value[key] as Python has it; absent for TypeError, KeyError and IndexError.
std::optional<Value> FindItem(Runtime& runtime, const Value& value, const Value& key) {
  switch (value.kind()) {
    case Kind::kUndefined:
      FailUndefined(runtime, value);
    case Kind::kDict: {
      if (!IsHashable(runtime, key)) return std::nullopt;
      const Value* found = value.AsDict().Find(runtime, key);
      return found == nullptr ? std::nullopt : std::optional<Value>(*found);
    }
    case Kind::kString:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kRange:
      if (!key.IsIntegral()) return std::nullopt;
      return ItemAt(runtime, value, key.AsInt());
    default:
      return std::nullopt;
  }
}

bool IsDigits(std::string_view text) {
  if (text.empty()) return false;
  for (const char32_t c : CodePoints(text)) {
    if (!IsIn(CharClass::kDigit, c)) return false;
  }
  return true;
}

}  // namespace

Value GetAttribute(Runtime& runtime, const Value& value, const Value& name) {
  // The common case first: a key of a dict that is no method of dict.
  Value out;
  switch (FindAttribute(runtime, value, name.Text(), out)) {
    case Access::kFound:
      return out;
    case Access::kUnsafe:
      return UnsafeAttribute(runtime, value, name);
    case Access::kAbsent:
      break;
  }
  if (const std::optional<Value> item = FindItem(runtime, value, name)) return *item;
  return NoAttribute(runtime, value, name);
}

Value GetItem(Runtime& runtime, const Value& value, const Value& key) {
  if (const std::optional<Value> item = FindItem(runtime, value, key)) return *item;
  if (!key.IsString()) return NoAttribute(runtime, value, key);
  Value out;
  switch (FindAttribute(runtime, value, key.Text(), out)) {
    case Access::kFound:
      return out;
    case Access::kUnsafe:
      return UnsafeAttribute(runtime, value, key);
    case Access::kAbsent:
      break;
  }
  return NoAttribute(runtime, value, key);
}

Value GetAttributeOnly(Runtime& runtime, const Value& value, const Value& name) {
  if (!name.IsString()) runtime.Fail("attribute name must be a string, found {}", TypeName(name));
  Value out;
  switch (FindAttribute(runtime, value, name.Text(), out)) {
    case Access::kFound:
      return out;
    case Access::kUnsafe:
      return UnsafeAttribute(runtime, value, name);
    case Access::kAbsent:
      break;
  }
  return NoAttribute(runtime, value, name);
}

AttributePath::AttributePath(Runtime& runtime, const Value& attribute) {
  if (attribute.IsNone()) return;
  if (!attribute.IsString()) {
    parts_.push_back(attribute);
    return;
  }
  std::string_view rest = attribute.Text();
  while (true) {
    const size_t dot = rest.find('.');
    const std::string_view part = rest.substr(0, dot);
    if (IsDigits(part)) {
      const std::optional<Int> number = ParseInt(runtime, part, 10);
      if (!number) runtime.Fail("'{}' is no integer in an attribute", part);
      parts_.push_back(Value::Integer(*number));
    } else {
      parts_.push_back(runtime.String(std::string(part)));
    }
    if (dot == rest.npos) return;
    rest.remove_prefix(dot + 1);
  }
}

Value AttributePath::Get(Runtime& runtime, Value item,
                         const std::optional<Value>& default_value) const {
  for (const Value& part : parts_) {
    item = GetItem(runtime, item, part);
    if (default_value && item.IsUndefined()) item = *default_value;
  }
  return item;
}

Value BindMethod(Runtime& runtime, std::string_view name, Method method, const Value& self) {
  auto bound = std::make_shared<BoundMethod>();
  runtime.Account(*bound, 2 * sizeof(BoundMethod));
  bound->name = name;
  bound->method = method;
  bound->self = self;
  return Value::Of(Kind::kCallable, std::move(bound));
}

Value MakeFunction(std::string_view name, Function function) {
  auto object = std::make_shared<FunctionObject>();
  object->name = name;
  object->function = function;
  return Value::Of(Kind::kCallable, std::move(object));
}

bool IsCallable(const Value& value) {
  if (value.kind() == Kind::kUndefined) return true;  // Jinja2's Undefined has __call__
  return value.kind() == Kind::kCallable && value.As<CallableObject>().IsCallable();
}

Value CallValue(Runtime& runtime, const Value& callee, CallArguments& arguments) {
  if (callee.IsUndefined()) FailUndefined(runtime, callee);
  if (!IsCallable(callee)) runtime.Fail("{} is not callable", TypeName(callee));
  const DepthGuard guard(runtime);
  runtime.Step();
  return callee.As<CallableObject>().Call(runtime, arguments);
}

}  // namespace trinity::jinja
