#include "chat/jinja/executor.h"

#include <algorithm>

#include "chat/jinja/attributes.h"
#include "chat/jinja/evaluator.h"
#include "chat/jinja/globals.h"
#include "chat/jinja/iteration.h"
#include "chat/jinja/loop_context.h"
#include "chat/jinja/macro_object.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/python_repr.h"
#include "chat/jinja/template_reference.h"

namespace trinity::jinja {

// Collects what is written while it lives.
class OutputCapture {
 public:
  explicit OutputCapture(Executor& executor) : executor_(executor), outer_(executor.output_) {
    executor_.output_ = &text_;
  }
  OutputCapture(const OutputCapture&) = delete;
  OutputCapture& operator=(const OutputCapture&) = delete;
  ~OutputCapture() {
    executor_.pending_bytes_ -= num_bytes_ = std::max(num_bytes_, text_.size());
    executor_.output_ = outer_;
  }
  std::string Take() {
    num_bytes_ = text_.size();
    return std::move(text_);
  }

 private:
  Executor& executor_;
  std::string* outer_;
  std::string text_;
  size_t num_bytes_ = 0;
};

// Makes a new activation the running one while it lives.
class FunctionFrame {
 public:
  FunctionFrame(Executor& executor, int num_slots, std::shared_ptr<Activation> closure)
      : executor_(executor), caller_(executor.activation_) {
    auto activation = std::make_shared<Activation>(num_slots, std::move(closure));
    executor_.runtime_.Account(*activation,
                               static_cast<size_t>(num_slots) * sizeof(Value) + sizeof(Activation));
    executor_.activation_ = std::move(activation);
  }
  FunctionFrame(const FunctionFrame&) = delete;
  FunctionFrame& operator=(const FunctionFrame&) = delete;
  ~FunctionFrame() { executor_.activation_ = std::move(caller_); }

 private:
  Executor& executor_;
  std::shared_ptr<Activation> caller_;
};

Executor::Executor(Runtime& runtime, const TemplateTree& tree, Value context)
    : runtime_(runtime), tree_(tree), context_(std::move(context)), output_(nullptr) {}

std::string Executor::Run() {
  std::string text;
  {
    OutputCapture capture(*this);
    const FunctionFrame frame(*this, tree_.num_slots, nullptr);
    Enter(tree_.scope);
    RunBody(tree_.body);
    text = capture.Take();
  }
  return text;
}

Value Executor::Evaluate(const Expression& expression) {
  return jinja::Evaluate(runtime_, *activation_, expression);
}

void Executor::Write(std::string_view text) {
  pending_bytes_ += text.size();
  if (pending_bytes_ > runtime_.limits().max_output_bytes) {
    runtime_.Fail("the output is longer than {} bytes", runtime_.limits().max_output_bytes);
  }
  runtime_.Work(text.size());
  *output_ += text;
}

void Executor::WriteString(const Value& value) {
  if (!value.IsString()) runtime_.Fail("expected a string, found {}", TypeName(value));
  Write(value.Text());
}

Value Executor::FromContext(const std::string& name) {
  if (name == "self") return MakeTemplateReference(*this);
  if (const auto found = exported_.find(name); found != exported_.end()) return found->second;
  if (const Value* found = context_.AsDict().FindText(name)) return *found;
  return FindGlobal(name).value_or(Value());
}

void Executor::Enter(const Scope& scope) {
  for (const Load& load : scope.loads) {
    switch (load.kind) {
      case Load::Kind::kMissing:
        Slot(load.slot) = Value();
        break;
      case Load::Kind::kFromContext:
        Slot(load.slot) = FromContext(load.name);
        break;
      case Load::Kind::kFromVariable:
        Slot(load.slot) = Value(activation_->At(load.source));
        break;
    }
  }
}

void Executor::Leave(const Scope& scope) {
  for (const int slot : scope.slots) Slot(slot) = Value();
}

void Executor::AssignName(const Expression& target, const Value& value) {
  activation_->At(target.slot) = value;
  if (target.is_exported && !tree_.blocks.empty()) exported_[target.name] = value;
}

void Executor::Assign(const Expression& target, const Value& value) {
  if (target.kind == ExpressionKind::kName) return AssignName(target, value);
  runtime_.set_position(target.position);
  if (target.kind == ExpressionKind::kAttribute) {
    const Value object = Evaluate(*target.children[0]);
    if (object.kind() != Kind::kNamespace) {
      runtime_.Fail("cannot assign an attribute of {}: it is no namespace", TypeName(object));
    }
    CheckNamespaceName(runtime_, target.constant);
    object.As<NamespaceObject>().attributes->Set(runtime_, target.constant, value);
    return;
  }
  const std::vector<Value> items = ToVector(runtime_, value);
  if (items.size() != target.children.size()) {
    runtime_.Fail("cannot unpack {} values into {}", items.size(), target.children.size());
  }
  for (size_t i = 0; i < items.size(); ++i) Assign(*target.children[i], items[i]);
}

Value Executor::TargetValue(const Expression& target) {
  if (target.kind == ExpressionKind::kName) return activation_->At(target.slot);
  std::vector<Value> items;
  for (const ExpressionPtr& child : target.children) items.push_back(TargetValue(*child));
  return runtime_.Tuple(std::move(items));
}

Executor::Flow Executor::RunBody(const Body& body) {
  const DepthGuard guard(runtime_);
  for (const StatementPtr& statement : body) {
    const Flow flow = RunStatement(*statement);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Executor::Flow Executor::RunStatement(const Statement& statement) {
  runtime_.Step();
  runtime_.set_position(statement.position);
  switch (statement.kind) {
    case StatementKind::kText:
      Write(static_cast<const TextStatement&>(statement).text);
      break;
    case StatementKind::kOutput:
      Write(Str(runtime_, Evaluate(*static_cast<const OutputStatement&>(statement).value)));
      break;
    case StatementKind::kIf:
      return RunIf(static_cast<const IfStatement&>(statement));
    case StatementKind::kFor:
      return RunFor(static_cast<const ForStatement&>(statement));
    case StatementKind::kSet: {
      const auto& set = static_cast<const SetStatement&>(statement);
      Assign(*set.target, Evaluate(*set.value));
      break;
    }
    case StatementKind::kSetBlock:
      return RunSetBlock(static_cast<const SetBlockStatement&>(statement));
    case StatementKind::kMacro:
      RunMacro(static_cast<const MacroStatement&>(statement));
      break;
    case StatementKind::kCallBlock:
    case StatementKind::kGeneration:
      RunCallBlock(static_cast<const CallBlockStatement&>(statement));
      break;
    case StatementKind::kFilterBlock:
      return RunFilterBlock(static_cast<const FilterBlockStatement&>(statement));
    case StatementKind::kWith:
      return RunWith(static_cast<const WithStatement&>(statement));
    case StatementKind::kBlock:
      RunBlock(static_cast<const BlockStatement&>(statement));
      break;
    case StatementKind::kAutoescape:
      return RunAutoescape(static_cast<const AutoescapeStatement&>(statement));
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
    case StatementKind::kNeedsLoader:
      runtime_.Fail("the tag '{}' needs other templates, which a chat template does not have",
                    static_cast<const NeedsLoaderStatement&>(statement).tag);
  }
  return Flow::kNext;
}

Executor::Flow Executor::RunIf(const IfStatement& statement) {
  for (const IfStatement::Branch& branch : statement.branches) {
    if (Truth(runtime_, Evaluate(*branch.test))) return RunBody(branch.body);
  }
  return RunBody(statement.else_body);
}

Executor::Flow Executor::RunFor(const ForStatement& loop) {
  const Value iterable = Evaluate(*loop.iterable);
  if (!loop.is_recursive) return RunLoop(loop, iterable, 0);
  WriteString(RunRecursive(loop, activation_, iterable, 0));
  return Flow::kNext;
}

Value Executor::RunRecursive(const ForStatement& loop, const std::shared_ptr<Activation>& closure,
                             const Value& iterable, int depth0) {
  const DepthGuard guard(runtime_);
  OutputCapture capture(*this);
  const FunctionFrame frame(*this, loop.num_slots, closure);
  RunLoop(loop, iterable, depth0);
  return runtime_.String(capture.Take());
}

// The items that pass the test, which runs when the loop asks for the next one.
Value Executor::FilterItems(const ForStatement& loop, const Value& iterable) {
  const Value iterator = Iterate(runtime_, iterable);
  const std::shared_ptr<Activation> activation = activation_;
  return MakeGenerator(runtime_, [this, &loop, iterator, activation](Runtime& r, Value& out) {
    const std::shared_ptr<Activation> running = std::exchange(activation_, activation);
    Value item;
    bool found = false;
    while (!found && NextOf(r, iterator, item)) {
      Enter(loop.test_scope);
      Assign(*loop.test_target, item);
      found = Truth(r, Evaluate(*loop.test));
      if (found) out = TargetValue(*loop.test_target);
    }
    Leave(loop.test_scope);
    activation_ = running;
    return found;
  });
}

Executor::Flow Executor::RunLoop(const ForStatement& loop, const Value& iterable, int depth0) {
  const Value source = loop.test == nullptr ? iterable : FilterItems(loop, iterable);
  std::shared_ptr<LoopContext> context;
  Value iterator;
  if (loop.loop_slot >= 0) {
    LoopContext::Recurse recurse;
    if (loop.is_recursive) {
      const std::shared_ptr<Activation> closure = activation_->outer;
      recurse = [this, &loop, closure](Runtime&, const Value& inner, int depth) {
        return RunRecursive(loop, closure, inner, depth);
      };
    }
    context = std::make_shared<LoopContext>(runtime_, source, std::move(recurse), depth0);
    runtime_.Account(*context, 2 * sizeof(LoopContext));
  } else {
    iterator = Iterate(runtime_, source);
  }
  // As in Jinja2, `else` runs unless the body was reached to its end once.
  bool runs_else = true;
  Value item;
  while (context ? context->Next(runtime_, item) : NextOf(runtime_, iterator, item)) {
    runtime_.Step();
    Enter(loop.scope);
    if (context) Slot(loop.loop_slot) = Value::Of(Kind::kCallable, context);
    Assign(*loop.target, item);
    const Flow flow = RunBody(loop.body);
    if (flow == Flow::kBreak) break;
    if (flow == Flow::kNext) runs_else = false;
  }
  Leave(loop.scope);
  if (context) context->Finish();
  return runs_else && !loop.else_body.empty() ? RunElse(loop) : Flow::kNext;
}

Executor::Flow Executor::RunElse(const ForStatement& loop) {
  Enter(loop.else_scope);
  const Flow flow = RunBody(loop.else_body);
  Leave(loop.else_scope);
  return flow;
}

Executor::Flow Executor::RunSetBlock(const SetBlockStatement& set) {
  Value value;
  {
    OutputCapture capture(*this);
    Enter(set.scope);
    const Flow flow = RunBody(set.body);
    if (flow != Flow::kNext) return flow;
    value = runtime_.String(capture.Take());
  }
  if (set.filter != nullptr) {
    value = EvaluateBlockFilter(runtime_, *activation_, *set.filter, value);
  }
  Assign(*set.target, value);
  Leave(set.scope);
  return Flow::kNext;
}

Value Executor::MakeMacro(const MacroDefinition& macro) {
  if (!activation_->is_kept) {
    activation_->is_kept = true;
    const size_t num_slots = activation_->slots.size();
    runtime_.Keep(activation_);
    runtime_.Account(*activation_, num_slots * sizeof(Value) + 4 * sizeof(Activation));
  }
  auto object = std::make_shared<MacroObject>(*this, macro, activation_);
  runtime_.Account(*object, 2 * sizeof(MacroObject));
  return Value::Of(Kind::kCallable, std::move(object));
}

void Executor::RunMacro(const MacroStatement& statement) {
  const Value macro = MakeMacro(statement.macro);
  activation_->At(statement.target) = macro;
  if (statement.is_top_level && !tree_.blocks.empty()) exported_[statement.macro.name] = macro;
}

Value Executor::CallMacro(const MacroDefinition& macro, const std::shared_ptr<Activation>& closure,
                          CallArguments& arguments) {
  const Position position = runtime_.position();
  OutputCapture capture(*this);
  const FunctionFrame frame(*this, macro.num_slots, closure);
  Enter(macro.scope);
  BindParameters(macro, arguments);
  FillDefaults(macro);
  RunBody(macro.body);
  runtime_.set_position(position);
  return runtime_.String(capture.Take());
}

void Executor::BindParameters(const MacroDefinition& macro, CallArguments& arguments) {
  const size_t count = macro.parameters.size();
  const size_t given = std::min(count, arguments.positional.size());
  for (size_t i = 0; i < given; ++i) Slot(macro.parameter_slots[i]) = arguments.positional[i];
  bool caller_is_bound = given == count && macro.has_caller_parameter;
  for (size_t i = given; i < count; ++i) {
    const std::string& name = macro.parameters[i]->name;
    if (name == "caller") caller_is_bound = true;
    const auto found = std::find_if(arguments.keywords.begin(), arguments.keywords.end(),
                                    [&](const auto& keyword) { return keyword.first == name; });
    if (found == arguments.keywords.end()) continue;
    Slot(macro.parameter_slots[i]) = found->second;
    arguments.keywords.erase(found);
  }
  BindCaller(macro, arguments, caller_is_bound);
  if (macro.kwargs_slot >= 0) {
    auto dict = runtime_.NewDict();
    for (const auto& [name, value] : arguments.keywords) {
      dict->Set(runtime_, runtime_.String(name), value);
    }
    Slot(macro.kwargs_slot) = runtime_.Dict(std::move(dict));
  } else if (!arguments.keywords.empty()) {
    runtime_.Fail("macro {} takes no keyword argument '{}'", macro.name,
                  arguments.keywords[0].first);
  }
  if (macro.varargs_slot >= 0) {
    Slot(macro.varargs_slot) = runtime_.Tuple(
        {arguments.positional.begin() + static_cast<ptrdiff_t>(given), arguments.positional.end()});
  } else if (arguments.positional.size() > count) {
    runtime_.Fail("macro {} takes at most {} arguments, found {}", macro.name, count,
                  arguments.positional.size());
  }
}

void Executor::BindCaller(const MacroDefinition& macro, CallArguments& arguments, bool is_bound) {
  if (macro.caller_slot < 0 || is_bound) return;
  if (macro.has_caller_parameter) {
    runtime_.Fail("macro {} is called without its parameter caller", macro.name);
  }
  const auto found = std::find_if(arguments.keywords.begin(), arguments.keywords.end(),
                                  [](const auto& keyword) { return keyword.first == "caller"; });
  if (found == arguments.keywords.end()) {
    Slot(macro.caller_slot) = runtime_.Undefined("No caller defined");
    return;
  }
  Slot(macro.caller_slot) =
      found->second.IsNone() ? runtime_.Undefined("No caller defined") : found->second;
  arguments.keywords.erase(found);
}

void Executor::FillDefaults(const MacroDefinition& macro) {
  const size_t required = macro.parameters.size() - macro.defaults.size();
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    if (!Slot(macro.parameter_slots[i]).IsMissing()) continue;
    Value value = i < required ? runtime_.Undefined(fmt::format("parameter '{}' was not provided",
                                                                macro.parameters[i]->name))
                               : Evaluate(*macro.defaults[i - required]);
    Slot(macro.parameter_slots[i]) = std::move(value);
  }
}

void Executor::RunCallBlock(const CallBlockStatement& block) {
  const Value caller = MakeMacro(block.caller);
  if (block.call == nullptr) {
    CallArguments none;
    return WriteString(CallValue(runtime_, caller, none));
  }
  const Value callee = Evaluate(*block.call->children[0]);
  CallArguments arguments = EvaluateArguments(runtime_, *activation_, block.call->arguments);
  runtime_.set_position(block.call->position);
  for (const auto& keyword : arguments.keywords) {
    if (keyword.first == "caller") runtime_.Fail("got multiple values for the argument 'caller'");
  }
  arguments.keywords.emplace_back("caller", caller);
  WriteString(CallValue(runtime_, callee, arguments));
}

Executor::Flow Executor::RunFilterBlock(const FilterBlockStatement& block) {
  Value value;
  {
    OutputCapture capture(*this);
    Enter(block.scope);
    const Flow flow = RunBody(block.body);
    if (flow != Flow::kNext) return flow;
    value = runtime_.String(capture.Take());
  }
  WriteString(EvaluateBlockFilter(runtime_, *activation_, *block.filter, value));
  Leave(block.scope);
  return Flow::kNext;
}

Executor::Flow Executor::RunWith(const WithStatement& with) {
  Enter(with.scope);
  for (size_t i = 0; i < with.targets.size(); ++i) {
    Assign(*with.targets[i], Evaluate(*with.values[i]));
  }
  const Flow flow = RunBody(with.body);
  Leave(with.scope);
  return flow;
}

void Executor::RunBlock(const BlockStatement& block) {
  if (block.is_required) runtime_.Fail("required block '{}' not found", block.name);
  std::map<std::string, Value> visible = exported_;
  for (const auto& [name, ref] : block.visible) {
    const Value& value = activation_->At(ref);
    if (!value.IsMissing()) visible[name] = value;
  }
  std::swap(exported_, visible);
  {
    const FunctionFrame frame(*this, block.num_slots, nullptr);
    Enter(block.scope);
    RunBody(block.body);
  }
  std::swap(exported_, visible);
}

const BlockStatement* Executor::FindBlock(std::string_view name) const {
  for (const BlockStatement* block : tree_.blocks) {
    if (block->name == name) return block;
  }
  return nullptr;
}

Value Executor::CallBlock(const BlockStatement& block) {
  if (block.is_scoped) runtime_.Fail("a scoped block cannot be called through self");
  OutputCapture capture(*this);
  RunBlock(block);
  return runtime_.String(capture.Take());
}

Executor::Flow Executor::RunAutoescape(const AutoescapeStatement& statement) {
  Enter(statement.scope);
  if (Truth(runtime_, Evaluate(*statement.value))) {
    runtime_.Fail("autoescape true is not supported");
  }
  const Flow flow = RunBody(statement.body);
  Leave(statement.scope);
  return flow;
}

}  // namespace trinity::jinja
