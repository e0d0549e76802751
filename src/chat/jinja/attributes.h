#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// What a dot and brackets find, as Jinja2's ImmutableSandboxedEnvironment finds it. What is not
// there, or not safe, is an undefined value.

namespace trinity::jinja {

// value.name: attributes first, then items.
Value GetAttribute(Runtime& runtime, const Value& value, const Value& name);

// value[key]: items first, then attributes.
Value GetItem(Runtime& runtime, const Value& value, const Value& key);

// Only attributes, as the filter `attr` wants it.
Value GetAttributeOnly(Runtime& runtime, const Value& value, const Value& name);

// What `map(attribute='a.0.b')` and its kin follow: names and integers between dots. An integer
// alone is one key, None no key at all.
class AttributePath {
 public:
  AttributePath(Runtime& runtime, const Value& attribute);
  // Undefined steps become `default_value` where it is given.
  Value Get(Runtime& runtime, Value item, const std::optional<Value>& default_value = {}) const;

 private:
  std::vector<Value> parts_;
};

using Method = Value (*)(Runtime& runtime, const Value& self, CallArguments& arguments);

// A method bound to its object.
Value BindMethod(Runtime& runtime, std::string_view name, Method method, const Value& self);

// A function that templates can call.
using Function = Value (*)(Runtime& runtime, CallArguments& arguments);
Value MakeFunction(std::string_view name, Function function);

bool IsCallable(const Value& value);
Value CallValue(Runtime& runtime, const Value& callee, CallArguments& arguments);

}  // namespace trinity::jinja
