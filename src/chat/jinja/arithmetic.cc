#include "chat/jinja/arithmetic.h"

#include <cmath>

namespace trinity::jinja {
namespace {

Int FloorDivide(Runtime& runtime, Int a, Int b) {
  if (b == 0) runtime.Fail("integer division or modulo by zero");
  if (b == -1) return CheckedMultiply(runtime, a, -1);
  Int quotient = a / b;
  if (a % b != 0 && (a < 0) != (b < 0)) --quotient;
  return quotient;
}

Int Modulo(Runtime& runtime, Int a, Int b) {
  if (b == 0) runtime.Fail("integer division or modulo by zero");
  if (b == -1) return 0;
  const Int remainder = a % b;
  return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

// As Python's float_rem and float_floor_div do it.
double FloatModulo(double a, double b) {
  const double remainder = std::fmod(a, b);
  if (remainder == 0) return std::copysign(0.0, b);
  return (b < 0) != (remainder < 0) ? remainder + b : remainder;
}

double FloatFloorDivide(double a, double b) {
  const double remainder = std::fmod(a, b);
  double quotient = (a - remainder) / b;
  if (remainder != 0 && (b < 0) != (remainder < 0)) quotient -= 1.0;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floored = std::floor(quotient);
  return quotient - floored > 0.5 ? floored + 1.0 : floored;
}

Value Power(Runtime& runtime, const Value& left, const Value& right) {
  if (left.IsIntegral() && right.IsIntegral() && right.AsInt() >= 0) {
    Int base = left.AsInt();
    Int exponent = right.AsInt();
    if (base == 0 || base == 1) return Value::Integer(exponent == 0 ? 1 : base);
    if (base == -1) return Value::Integer(exponent % 2 == 0 ? 1 : -1);
    Int result = 1;
    for (; exponent > 0; --exponent) result = CheckedMultiply(runtime, result, base);
    return Value::Integer(result);
  }
  const double base = left.AsFloat();
  const double exponent = right.AsFloat();
  if (base == 0 && exponent < 0) runtime.Fail("0.0 cannot be raised to a negative power");
  if (base < 0 && std::isfinite(base) && std::isfinite(exponent) &&
      exponent != std::floor(exponent)) {
    runtime.Fail("a negative number to a fractional power: complex numbers are not supported");
  }
  const double result = std::pow(base, exponent);
  if (std::isinf(result) && std::isfinite(base) && std::isfinite(exponent)) {
    runtime.Fail("the result of ** is too large for a float");
  }
  return Value::Float(result);
}

Value IntegerArithmetic(Runtime& runtime, BinaryOperator op, Int a, Int b) {
  switch (op) {
    case BinaryOperator::kAdd:
      return Value::Integer(CheckedAdd(runtime, a, b));
    case BinaryOperator::kSubtract: {
      Int result;
      if (__builtin_sub_overflow(a, b, &result)) runtime.Fail("integer overflow");
      return Value::Integer(result);
    }
    case BinaryOperator::kMultiply:
      return Value::Integer(CheckedMultiply(runtime, a, b));
    case BinaryOperator::kDivide:
      if (b == 0) runtime.Fail("division by zero");
      return Value::Float(static_cast<double>(static_cast<long double>(a) / b));
    case BinaryOperator::kFloorDivide:
      return Value::Integer(FloorDivide(runtime, a, b));
    default:
      return Value::Integer(Modulo(runtime, a, b));
  }
}

Value FloatArithmetic(Runtime& runtime, BinaryOperator op, double a, double b) {
  switch (op) {
    case BinaryOperator::kAdd:
      return Value::Float(a + b);
    case BinaryOperator::kSubtract:
      return Value::Float(a - b);
    case BinaryOperator::kMultiply:
      return Value::Float(a * b);
    default:
      break;
  }
  if (b == 0) runtime.Fail("float division by zero");
  if (op == BinaryOperator::kDivide) return Value::Float(a / b);
  return Value::Float(op == BinaryOperator::kModulo ? FloatModulo(a, b) : FloatFloorDivide(a, b));
}

}  // namespace

Int CheckedAdd(Runtime& runtime, Int left, Int right) {
  Int result;
  if (__builtin_add_overflow(left, right, &result)) runtime.Fail("integer overflow");
  return result;
}

Int CheckedMultiply(Runtime& runtime, Int left, Int right) {
  Int result;
  if (__builtin_mul_overflow(left, right, &result)) runtime.Fail("integer overflow");
  return result;
}

Int IntFromFloat(Runtime& runtime, double value) {
  if (!std::isfinite(value)) runtime.Fail("cannot convert {} to an integer", value);
  if (std::abs(value) >= kTwoTo126) runtime.Fail("integer overflow");
  return static_cast<Int>(value);
}

Value Arithmetic(Runtime& runtime, BinaryOperator op, const Value& left, const Value& right) {
  if (op == BinaryOperator::kPower) return Power(runtime, left, right);
  if (left.IsIntegral() && right.IsIntegral()) {
    // One quotient of integers must be rounded once, so wide integers go through long double.
    return IntegerArithmetic(runtime, op, left.AsInt(), right.AsInt());
  }
  return FloatArithmetic(runtime, op, left.AsFloat(), right.AsFloat());
}

}  // namespace trinity::jinja
