#pragma once

#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

namespace trinity::jinja {

enum class BinaryOperator { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };

// Every double of smaller magnitude has a whole part that fits in an Int.
constexpr double kTwoTo126 = 85070591730234615865843651857942052864.0;

// Python's operators on bool, int and float. Division by zero, overflow and complex results are an
// Error.
Value Arithmetic(Runtime& runtime, BinaryOperator op, const Value& left, const Value& right);

Int CheckedAdd(Runtime& runtime, Int left, Int right);
Int CheckedMultiply(Runtime& runtime, Int left, Int right);

// int(value); an Error if it is not finite or does not fit.
Int IntFromFloat(Runtime& runtime, double value);

}  // namespace trinity::jinja
