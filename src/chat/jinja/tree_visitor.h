#pragma once

#include "chat/jinja/ast.h"

namespace trinity::jinja {

// Walks a syntax tree, every node once, children in the order of Jinja2's node fields. Override
// what is of interest; Visit*() of this class descends.
class TreeVisitor {
 public:
  virtual ~TreeVisitor() = default;

  enum class Role { kRead, kSet, kParameter };
  virtual void OnName(const Expression& name, Role role) = 0;
  // Whether to descend into a block.
  virtual bool OnBlock(const BlockStatement& block) = 0;

  void VisitBody(const Body& body);
  void VisitStatement(const Statement& statement);
  void VisitExpression(const Expression* expression);  // nullptr: nothing
  void VisitTarget(const Expression& target, Role role);

 private:
  void VisitMacro(const MacroDefinition& macro);
  void VisitFor(const ForStatement& loop);
  void VisitIf(const IfStatement& statement);
  void VisitWith(const WithStatement& with);
};

}  // namespace trinity::jinja
