#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "chat/jinja/runtime.h"

// Python's numbers as text and back.

namespace trinity::jinja {

std::string IntText(Int value);
// In base 2, 8, 10 or 16, lower case, with '-' but without a prefix.
std::string IntText(Int value, int base);
// repr(float): the shortest digits that read back as the same number.
std::string FloatText(double value);

// int(text, base): white space around, one sign, '_' between digits, base 0 for the prefixes of
// literals; absent where Python raises ValueError. Overflow is an Error.
std::optional<Int> ParseInt(Runtime& runtime, std::string_view text, int base);
// float(text)
std::optional<double> ParseFloat(std::string_view text);

// round(value, num_digits): halves to even, decided on the exact value.
double RoundFloat(double value, int num_digits);
Int RoundInt(Runtime& runtime, Int value, int num_digits);

// printf's conversion ('e', 'f' or 'g', maybe upper case) with a precision; `flags` may hold '#'.
std::string FormatFloat(double value, char conversion, int precision, std::string_view flags = "");

// `text` without white space, as str.strip() removes it.
std::string_view StripSpace(std::string_view text);

}  // namespace trinity::jinja
