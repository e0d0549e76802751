#include "chat/jinja/number_filters.h"

#include <algorithm>
#include <cmath>

#include "chat/jinja/attributes.h"
#include "chat/jinja/bound_arguments.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_number.h"
#include "chat/jinja/python_unicode.h"

namespace trinity::jinja {
namespace {

enum class Extreme { kMin, kMax };

Value FindExtreme(Runtime& runtime, const CallArguments& arguments, Extreme extreme) {
  const BoundArguments bound(runtime, extreme == Extreme::kMin ? "min" : "max", arguments,
                             {"value", "case_sensitive", "attribute"}, 1);
  const bool case_sensitive = bound.TruthOr(1, false);
  const AttributePath path(runtime, bound.Or(2, Value::None()));
  const Value iterator = Iterate(runtime, bound[0]);
  Value item;
  Value best;
  Value best_key;
  while (NextOf(runtime, iterator, item)) {
    Value key = path.Get(runtime, item);
    if (!case_sensitive && key.IsString()) key = runtime.StringLike(key, ToLower(key.Text()));
    const bool is_better =
        best.IsMissing() ||
        (extreme == Extreme::kMin ? Less(runtime, key, best_key) : Less(runtime, best_key, key));
    if (!is_better) continue;
    best = item;
    best_key = key;
  }
  if (best.IsMissing()) return runtime.Undefined("No aggregated item, sequence was empty.");
  return best;
}

Value TenToThe(Runtime& runtime, const Value& precision) {
  return Apply(runtime, BinaryOperator::kPower, Value::Integer(10), precision);
}

Value RoundNearest(Runtime& runtime, const Value& value, const Value& precision) {
  if (value.IsUndefined()) FailUndefined(runtime, value);
  if (precision.IsUndefined()) FailUndefined(runtime, precision);
  if (!value.IsNumber()) runtime.Fail("round() expects a number, found {}", TypeName(value));
  if (precision.IsNone()) {
    if (value.IsIntegral()) return Value::Integer(value.AsInt());
    return Value::Integer(IntFromFloat(runtime, RoundFloat(value.AsFloat(), 0)));
  }
  if (!precision.IsIntegral()) runtime.Fail("round() expects an integer precision");
  const auto digits = static_cast<int>(std::clamp<Int>(precision.AsInt(), -1000, 1000));
  if (value.IsIntegral()) return Value::Integer(RoundInt(runtime, value.AsInt(), digits));
  const double rounded = RoundFloat(value.AsFloat(), digits);
  if (std::isinf(rounded) && std::isfinite(value.AsFloat())) {
    runtime.Fail("the rounded value is too large for a float");
  }
  return Value::Float(rounded);
}

// float(value), or absent where Python raises TypeError or ValueError.
std::optional<double> ToFloat(Runtime& runtime, const Value& value) {
  if (value.IsUndefined()) FailUndefined(runtime, value);
  if (value.IsNumber()) return value.AsFloat();
  if (value.IsString()) return ParseFloat(value.Text());
  return std::nullopt;
}

std::optional<Int> ToInt(Runtime& runtime, const Value& value, const Value& base) {
  if (value.IsUndefined()) FailUndefined(runtime, value);
  if (value.IsIntegral()) return value.AsInt();
  if (value.IsFloat()) {
    if (std::isnan(value.AsFloat())) return std::nullopt;
    return IntFromFloat(runtime, value.AsFloat());
  }
  if (!value.IsString()) return std::nullopt;
  if (base.IsUndefined()) FailUndefined(runtime, base);
  const Int number = base.IsIntegral() ? base.AsInt() : -1;
  if (number == 0 || (number >= 2 && number <= 36)) {
    const auto whole = ParseInt(runtime, value.Text(), static_cast<int>(number));
    if (whole) return whole;
  }
  const std::optional<double> real = ParseFloat(value.Text());
  if (!real || !std::isfinite(*real)) return std::nullopt;
  return IntFromFloat(runtime, *real);
}

}  // namespace

Value AbsFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "abs", arguments, {"x"}, 1, Keywords::kRefused);
  if (!bound[0].IsNumber()) runtime.Fail("abs expects a number, found {}", TypeName(bound[0]));
  if (bound[0].IsFloat()) return Value::Float(std::abs(bound[0].AsFloat()));
  return bound[0].AsInt() < 0 ? Negate(runtime, bound[0]) : UnaryPlus(runtime, bound[0]);
}

Value FloatFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "float", arguments, {"value", "default"}, 1);
  const std::optional<double> number = ToFloat(runtime, bound[0]);
  return number ? Value::Float(*number) : bound.Or(1, Value::Float(0));
}

Value IntFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "int", arguments, {"value", "default", "base"}, 1);
  const std::optional<Int> number = ToInt(runtime, bound[0], bound.Or(2, Value::Integer(10)));
  return number ? Value::Integer(*number) : bound.Or(1, Value::Integer(0));
}

Value FileSizeFormatFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "filesizeformat", arguments, {"value", "binary"}, 1);
  const std::optional<double> bytes = ToFloat(runtime, bound[0]);
  if (!bytes) runtime.Fail("filesizeformat expects a number");
  const bool binary = bound.TruthOr(1, false);
  const double base = binary ? 1024 : 1000;
  if (*bytes == 1) return runtime.String("1 Byte");
  if (*bytes < base) return runtime.String(IntText(IntFromFloat(runtime, *bytes)) + " Bytes");
  double unit = base;
  char letter = 'k';
  for (const char next : std::string_view("kMGTPEZY")) {
    letter = next;
    unit *= base;
    if (*bytes < unit) break;
  }
  if (binary && letter == 'k') letter = 'K';
  return runtime.String(FormatFloat(base * *bytes / unit, 'f', 1) + " " + letter +
                        (binary ? "iB" : "B"));
}

Value MaxFilter(Runtime& runtime, CallArguments& arguments) {
  return FindExtreme(runtime, arguments, Extreme::kMax);
}

Value MinFilter(Runtime& runtime, CallArguments& arguments) {
  return FindExtreme(runtime, arguments, Extreme::kMin);
}

Value RoundFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "round", arguments, {"value", "precision", "method"}, 1);
  const Value precision = bound.Or(1, Value::Integer(0));
  const std::string method = bound.Has(2) ? bound.String(2).Text() : "common";
  if (method == "common") return RoundNearest(runtime, bound[0], precision);
  if (method != "ceil" && method != "floor") runtime.Fail("method must be common, ceil or floor");
  const Value scale = TenToThe(runtime, precision);
  const Value scaled = Apply(runtime, BinaryOperator::kMultiply, bound[0], scale);
  if (!scaled.IsNumber()) runtime.Fail("round expects a number");
  Value whole = scaled;
  if (scaled.IsFloat()) {
    const double value = scaled.AsFloat();
    whole = Value::Integer(
        IntFromFloat(runtime, method == "ceil" ? std::ceil(value) : std::floor(value)));
  }
  return Apply(runtime, BinaryOperator::kDivide, whole, scale);
}

Value SumFilter(Runtime& runtime, CallArguments& arguments) {
  const BoundArguments bound(runtime, "sum", arguments, {"iterable", "attribute", "start"}, 1);
  const AttributePath path(runtime, bound.Or(1, Value::None()));
  Value total = bound.Or(2, Value::Integer(0));
  if (total.IsString()) runtime.Fail("sum cannot add strings: use join");
  const Value iterator = Iterate(runtime, bound[0]);
  Value item;
  while (NextOf(runtime, iterator, item)) {
    total = Apply(runtime, BinaryOperator::kAdd, total, path.Get(runtime, item));
  }
  return total;
}

}  // namespace trinity::jinja
