#pragma once

#include "chat/jinja/arithmetic.h"
#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// Python's operators on values. What Python refuses is an Error.

namespace trinity::jinja {

enum class Comparison {
  kEqual,
  kNotEqual,
  kLess,
  kLessEqual,
  kGreater,
  kGreaterEqual,
  kIn,
  kNotIn
};

Value Apply(Runtime& runtime, BinaryOperator op, const Value& left, const Value& right);
Value Negate(Runtime& runtime, const Value& value);
Value UnaryPlus(Runtime& runtime, const Value& value);

bool Truth(Runtime& runtime, const Value& value);
bool Compare(Runtime& runtime, Comparison comparison, const Value& left, const Value& right);
bool Equal(Runtime& runtime, const Value& left, const Value& right);
bool Less(Runtime& runtime, const Value& left, const Value& right);
bool Contains(Runtime& runtime, const Value& container, const Value& item);

// Equal values have equal hashes; an Error for what cannot be a key.
size_t Hash(Runtime& runtime, const Value& value);
bool IsHashable(Runtime& runtime, const Value& value);

// Throws: an operation on an undefined value, with why it is undefined.
[[noreturn]] void FailUndefined(Runtime& runtime, const Value& value);

}  // namespace trinity::jinja
