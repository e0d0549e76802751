#pragma once

#include "chat/jinja/activation.h"
#include "chat/jinja/ast.h"
#include "chat/jinja/runtime.h"

namespace trinity::jinja {

// The value of an expression.
Value Evaluate(Runtime& runtime, Activation& activation, const Expression& expression);

CallArguments EvaluateArguments(Runtime& runtime, Activation& activation,
                                const ArgumentList& arguments);

// A chain of filters on the text of a block.
Value EvaluateBlockFilter(Runtime& runtime, Activation& activation, const Expression& filter,
                          const Value& input);

}  // namespace trinity::jinja
