#pragma once

#include <optional>
#include <string_view>

#include "chat/jinja/lexer.h"
#include "chat/jinja/operators.h"

namespace trinity::jinja {

// == != < <= > >=; absent for other tokens.
std::optional<Comparison> ComparisonOf(const Token& token);

// * / // %; absent for other tokens.
std::optional<BinaryOperator> ProductOf(const Token& token);

// Whether a name is a constant, which nothing can be assigned to.
bool IsReserved(std::string_view name);

}  // namespace trinity::jinja
