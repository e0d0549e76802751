#include "chat/jinja/macro_object.h"

#include "chat/jinja/executor.h"
#include "chat/jinja/python_repr.h"

namespace trinity::jinja {

Value MacroObject::Call(Runtime&, CallArguments& arguments) {
  return executor_.CallMacro(macro_, closure_, arguments);
}

bool MacroObject::Attribute(Runtime& runtime, std::string_view name, Value& out) {
  if (name == "name") {
    out = macro_.name.empty() ? Value::None() : runtime.String(macro_.name);
  } else if (name == "arguments") {
    std::vector<Value> names;
    for (const ExpressionPtr& parameter : macro_.parameters) {
      names.push_back(runtime.String(parameter->name));
    }
    out = runtime.Tuple(std::move(names));
  } else if (name == "catch_kwargs") {
    out = Value::Bool(macro_.kwargs_slot >= 0);
  } else if (name == "catch_varargs") {
    out = Value::Bool(macro_.varargs_slot >= 0);
  } else if (name == "caller") {
    out = Value::Bool(macro_.caller_slot >= 0);
  } else if (name == "explicit_caller") {
    out = Value::Bool(macro_.has_caller_parameter);
  } else {
    return false;
  }
  return true;
}

std::string MacroObject::Describe(Runtime&) const {
  return "<Macro " + (macro_.name.empty() ? "anonymous" : ReprText(macro_.name)) + ">";
}

}  // namespace trinity::jinja
