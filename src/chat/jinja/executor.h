#pragma once

#include <map>
#include <memory>
#include <string>

#include "chat/jinja/activation.h"
#include "chat/jinja/ast.h"
#include "chat/jinja/runtime.h"

namespace trinity::jinja {

class LoopContext;

// Runs the statements of a resolved template once.
class Executor {
 public:
  // `context` is a dict of the variables that the template finds.
  Executor(Runtime& runtime, const TemplateTree& tree, Value context);

  // The rendered text.
  std::string Run();

  // The block of this name; nullptr if there is none.
  const BlockStatement* FindBlock(std::string_view name) const;
  // Renders a block once more, as self.name() asks.
  Value CallBlock(const BlockStatement& block);
  // Calls a macro, or the body of a call block, that was defined while `closure` was running.
  Value CallMacro(const MacroDefinition& macro, const std::shared_ptr<Activation>& closure,
                  CallArguments& arguments);

 private:
  friend class OutputCapture;
  friend class FunctionFrame;
  enum class Flow { kNext, kBreak, kContinue };

  Flow RunBody(const Body& body);
  Flow RunStatement(const Statement& statement);
  Flow RunIf(const IfStatement& statement);
  Flow RunFor(const ForStatement& loop);
  Flow RunLoop(const ForStatement& loop, const Value& iterable, int depth0);
  Flow RunElse(const ForStatement& loop);
  Value RunRecursive(const ForStatement& loop, const std::shared_ptr<Activation>& closure,
                     const Value& iterable, int depth0);
  Value FilterItems(const ForStatement& loop, const Value& iterable);
  Flow RunSetBlock(const SetBlockStatement& set);
  void RunMacro(const MacroStatement& statement);
  void RunCallBlock(const CallBlockStatement& block);
  Flow RunFilterBlock(const FilterBlockStatement& block);
  Flow RunWith(const WithStatement& with);
  void RunBlock(const BlockStatement& block);
  Flow RunAutoescape(const AutoescapeStatement& statement);

  Value MakeMacro(const MacroDefinition& macro);
  void BindParameters(const MacroDefinition& macro, CallArguments& arguments);
  void BindCaller(const MacroDefinition& macro, CallArguments& arguments, bool is_bound);
  void FillDefaults(const MacroDefinition& macro);

  Value Evaluate(const Expression& expression);
  Value& Slot(int slot) { return activation_->slots[static_cast<size_t>(slot)]; }
  void Assign(const Expression& target, const Value& value);
  void AssignName(const Expression& target, const Value& value);
  Value TargetValue(const Expression& target);
  void Enter(const Scope& scope);
  void Leave(const Scope& scope);
  Value FromContext(const std::string& name);
  void Write(std::string_view text);
  void WriteString(const Value& value);

  Runtime& runtime_;
  const TemplateTree& tree_;
  Value context_;
  std::map<std::string, Value> exported_;  // what the template set at its top, for blocks
  std::shared_ptr<Activation> activation_;
  std::string* output_;
  size_t pending_bytes_ = 0;  // in all captures
};

}  // namespace trinity::jinja
