#include "chat/jinja/tree_visitor.h"

namespace trinity::jinja {

void TreeVisitor::VisitBody(const Body& body) {
  for (const StatementPtr& statement : body) VisitStatement(*statement);
}

void TreeVisitor::VisitExpression(const Expression* expression) {
  if (expression == nullptr) return;
  if (expression->kind == ExpressionKind::kName) OnName(*expression, Role::kRead);
  for (const ExpressionPtr& child : expression->children) VisitExpression(child.get());
  const ArgumentList& arguments = expression->arguments;
  for (const ExpressionPtr& argument : arguments.positional) VisitExpression(argument.get());
  for (const auto& keyword : arguments.keywords) VisitExpression(keyword.second.get());
  VisitExpression(arguments.star.get());
  VisitExpression(arguments.double_star.get());
}

// The object of a namespace attribute is not a name that is read, in Jinja2's tree.
void TreeVisitor::VisitTarget(const Expression& target, Role role) {
  if (target.kind == ExpressionKind::kName) OnName(target, role);
  if (target.kind != ExpressionKind::kTuple) return;
  for (const ExpressionPtr& child : target.children) VisitTarget(*child, role);
}

void TreeVisitor::VisitMacro(const MacroDefinition& macro) {
  for (const ExpressionPtr& parameter : macro.parameters) OnName(*parameter, Role::kParameter);
  for (const ExpressionPtr& value : macro.defaults) VisitExpression(value.get());
  VisitBody(macro.body);
}

void TreeVisitor::VisitFor(const ForStatement& loop) {
  VisitTarget(*loop.target, Role::kSet);
  VisitExpression(loop.iterable.get());
  VisitBody(loop.body);
  VisitBody(loop.else_body);
  VisitExpression(loop.test.get());
}

void TreeVisitor::VisitIf(const IfStatement& statement) {
  for (const IfStatement::Branch& branch : statement.branches) {
    VisitExpression(branch.test.get());
    VisitBody(branch.body);
  }
  VisitBody(statement.else_body);
}

void TreeVisitor::VisitWith(const WithStatement& with) {
  for (const ExpressionPtr& target : with.targets) VisitTarget(*target, Role::kParameter);
  for (const ExpressionPtr& value : with.values) VisitExpression(value.get());
  VisitBody(with.body);
}

void TreeVisitor::VisitStatement(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kText:
    case StatementKind::kBreak:
    case StatementKind::kContinue:
      return;
    case StatementKind::kOutput:
      return VisitExpression(static_cast<const OutputStatement&>(statement).value.get());
    case StatementKind::kIf:
      return VisitIf(static_cast<const IfStatement&>(statement));
    case StatementKind::kFor:
      return VisitFor(static_cast<const ForStatement&>(statement));
    case StatementKind::kSet: {
      const auto& set = static_cast<const SetStatement&>(statement);
      VisitTarget(*set.target, Role::kSet);
      return VisitExpression(set.value.get());
    }
    case StatementKind::kSetBlock: {
      const auto& set = static_cast<const SetBlockStatement&>(statement);
      VisitTarget(*set.target, Role::kSet);
      VisitExpression(set.filter.get());
      return VisitBody(set.body);
    }
    case StatementKind::kMacro:
      return VisitMacro(static_cast<const MacroStatement&>(statement).macro);
    case StatementKind::kCallBlock:
    case StatementKind::kGeneration: {
      const auto& block = static_cast<const CallBlockStatement&>(statement);
      VisitExpression(block.call.get());
      return VisitMacro(block.caller);
    }
    case StatementKind::kFilterBlock: {
      const auto& block = static_cast<const FilterBlockStatement&>(statement);
      VisitBody(block.body);
      return VisitExpression(block.filter.get());
    }
    case StatementKind::kWith:
      return VisitWith(static_cast<const WithStatement&>(statement));
    case StatementKind::kBlock: {
      const auto& block = static_cast<const BlockStatement&>(statement);
      return OnBlock(block) ? VisitBody(block.body) : void();
    }
    case StatementKind::kAutoescape: {
      const auto& scope = static_cast<const AutoescapeStatement&>(statement);
      VisitExpression(scope.value.get());
      return VisitBody(scope.body);
    }
    case StatementKind::kNeedsLoader:
      return VisitExpression(static_cast<const NeedsLoaderStatement&>(statement).source.get());
  }
}

}  // namespace trinity::jinja
