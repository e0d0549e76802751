#include "chat/jinja/evaluator.h"

#include "chat/jinja/attributes.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_repr.h"
#include "chat/jinja/text_builder.h"

namespace trinity::jinja {
namespace {

// Evaluates with one runtime and activation. Small functions, because each level of an expression
// takes their stack.
class Evaluator {
 public:
  Evaluator(Runtime& runtime, Activation& activation)
      : runtime_(runtime), activation_(activation) {}

  Value Run(const Expression& e) {
    runtime_.Step();
    switch (e.kind) {
      case ExpressionKind::kConstant:
        return e.constant;
      case ExpressionKind::kName:
        return Name(e);
      default:
        break;
    }
    const DepthGuard guard(runtime_);
    switch (e.kind) {
      case ExpressionKind::kList:
        return runtime_.List(Children(e));
      case ExpressionKind::kTuple:
        return runtime_.Tuple(Children(e));
      case ExpressionKind::kDict:
        return Dict(e);
      case ExpressionKind::kNot:
        return Value::Bool(!IsTrue(*e.children[0]));
      case ExpressionKind::kNegate:
        return Unary(e);
      case ExpressionKind::kPlus:
        return Unary(e);
      case ExpressionKind::kBinary:
        return Binary(e);
      case ExpressionKind::kAnd:
        return Logical(e);
      case ExpressionKind::kOr:
        return Logical(e);
      case ExpressionKind::kCompare:
        return Comparisons(e);
      case ExpressionKind::kConcat:
        return Concat(e);
      case ExpressionKind::kCondition:
        return Condition(e);
      case ExpressionKind::kAttribute:
        return Attribute(e);
      case ExpressionKind::kItem:
        return Item(e);
      case ExpressionKind::kCall:
        return Call(e);
      case ExpressionKind::kFilter:
        return ApplyFilter(e, Run(*e.children[0]));
      case ExpressionKind::kTest:
        return Test(e);
      default:
        // A slice in a tuple of keys, which nothing accepts: as unhashable as a list.
        return runtime_.List({});
    }
  }

  CallArguments Arguments(const ArgumentList& list) {
    CallArguments arguments;
    AddArguments(list, arguments);
    return arguments;
  }

  Value ApplyFilter(const Expression& e, const Value& input) {
    CallArguments arguments;
    arguments.positional.reserve(1 + e.arguments.positional.size());
    arguments.positional.push_back(input);
    AddArguments(e.arguments, arguments);
    runtime_.set_position(e.position);
    if (e.filter == nullptr) runtime_.Fail("there is no filter {}", e.name);
    return e.filter(runtime_, arguments);
  }

 private:
  bool IsTrue(const Expression& e) { return Truth(runtime_, Run(e)); }

  Value Name(const Expression& e) {
    const Value& value = activation_.At(e.slot);
    if (!value.IsMissing()) return value;
    runtime_.set_position(e.position);
    return runtime_.Undefined(fmt::format("'{}' is undefined", e.name));
  }

  std::vector<Value> Children(const Expression& e) {
    std::vector<Value> values;
    values.reserve(e.children.size());
    for (const ExpressionPtr& child : e.children) values.push_back(Run(*child));
    return values;
  }

  Value Dict(const Expression& e) {
    auto dict = runtime_.NewDict();
    for (size_t i = 0; i < e.children.size(); i += 2) {
      const Value key = Run(*e.children[i]);
      const Value value = Run(*e.children[i + 1]);
      runtime_.set_position(e.position);
      dict->Set(runtime_, key, value);
    }
    return runtime_.Dict(std::move(dict));
  }

  Value Unary(const Expression& e) {
    const Value value = Run(*e.children[0]);
    runtime_.set_position(e.position);
    return e.kind == ExpressionKind::kNegate ? Negate(runtime_, value) : UnaryPlus(runtime_, value);
  }

  Value Binary(const Expression& e) {
    const Value left = Run(*e.children[0]);
    const Value right = Run(*e.children[1]);
    runtime_.set_position(e.position);
    return Apply(runtime_, e.binary, left, right);
  }

  Value Logical(const Expression& e) {
    Value left = Run(*e.children[0]);
    const bool decided = Truth(runtime_, left) == (e.kind == ExpressionKind::kOr);
    return decided ? left : Run(*e.children[1]);
  }

  Value Comparisons(const Expression& e) {
    Value left = Run(*e.children[0]);
    for (size_t i = 0; i < e.comparisons.size(); ++i) {
      Value right = Run(*e.children[i + 1]);
      runtime_.set_position(e.position);
      if (!Compare(runtime_, e.comparisons[i], left, right)) return Value::Bool(false);
      left = std::move(right);
    }
    return Value::Bool(true);
  }

  Value Concat(const Expression& e) {
    TextBuilder text(runtime_);
    for (const ExpressionPtr& child : e.children) {
      text.Append(SoftString(runtime_, Run(*child)).Text());
    }
    return runtime_.String(text.Take());
  }

  Value Condition(const Expression& e) {
    if (IsTrue(*e.children[0])) return Run(*e.children[1]);
    if (e.children[2] != nullptr) return Run(*e.children[2]);
    return runtime_.Undefined(
        "the inline if-expression evaluated to false and no else section was defined");
  }

  Value Attribute(const Expression& e) {
    const Value object = Run(*e.children[0]);
    runtime_.set_position(e.position);
    return GetAttribute(runtime_, object, e.constant);
  }

  Value Item(const Expression& e) {
    const Value object = Run(*e.children[0]);
    const Expression& key = *e.children[1];
    if (key.kind == ExpressionKind::kSlice) return TakeSlice(e, object, key);
    const Value index = Run(key);
    runtime_.set_position(e.position);
    return GetItem(runtime_, object, index);
  }

  Value TakeSlice(const Expression& e, const Value& object, const Expression& slice) {
    const auto bound = [&](size_t i) {
      return slice.children[i] == nullptr ? Value::None() : Run(*slice.children[i]);
    };
    const Value start = bound(0);
    const Value stop = bound(1);
    const Value step = bound(2);
    runtime_.set_position(e.position);
    return Slice(runtime_, object, start, stop, step);
  }

  Value Call(const Expression& e) {
    const Value callee = Run(*e.children[0]);
    CallArguments arguments = Arguments(e.arguments);
    runtime_.set_position(e.position);
    return CallValue(runtime_, callee, arguments);
  }

  Value Test(const Expression& e) {
    CallArguments arguments;
    arguments.positional.push_back(Run(*e.children[0]));
    AddArguments(e.arguments, arguments);
    runtime_.set_position(e.position);
    if (e.predicate == nullptr) runtime_.Fail("there is no test {}", e.name);
    return Value::Bool(e.predicate(runtime_, arguments));
  }

  void AddArguments(const ArgumentList& list, CallArguments& arguments) {
    for (const ExpressionPtr& argument : list.positional) {
      arguments.positional.push_back(Run(*argument));
    }
    if (list.star != nullptr) {
      for (Value& value : ToVector(runtime_, Run(*list.star))) {
        arguments.positional.push_back(std::move(value));
      }
    }
    for (const auto& [name, value] : list.keywords) {
      arguments.keywords.emplace_back(name, Run(*value));
    }
    if (list.double_star != nullptr) AddKeywords(Run(*list.double_star), arguments);
  }

  void AddKeywords(const Value& mapping, CallArguments& arguments) {
    if (!mapping.IsDict()) {
      runtime_.Fail("the argument after ** must be a mapping, found {}", TypeName(mapping));
    }
    const size_t num_named = arguments.keywords.size();
    for (const auto& [key, value] : mapping.AsDict().entries) {
      if (!key.IsString()) runtime_.Fail("keywords must be strings");
      for (size_t i = 0; i < num_named; ++i) {
        if (arguments.keywords[i].first == key.Text()) {
          runtime_.Fail("got multiple values for the argument '{}'", key.Text());
        }
      }
      arguments.keywords.emplace_back(key.Text(), value);
    }
  }

  Runtime& runtime_;
  Activation& activation_;
};

}  // namespace

Value Evaluate(Runtime& runtime, Activation& activation, const Expression& expression) {
  return Evaluator(runtime, activation).Run(expression);
}

CallArguments EvaluateArguments(Runtime& runtime, Activation& activation,
                                const ArgumentList& arguments) {
  return Evaluator(runtime, activation).Arguments(arguments);
}

Value EvaluateBlockFilter(Runtime& runtime, Activation& activation, const Expression& filter,
                          const Value& input) {
  const Value value = filter.children.empty()
                          ? input
                          : EvaluateBlockFilter(runtime, activation, *filter.children[0], input);
  return Evaluator(runtime, activation).ApplyFilter(filter, value);
}

}  // namespace trinity::jinja
