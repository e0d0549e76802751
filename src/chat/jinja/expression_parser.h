#pragma once

#include <vector>

#include "chat/jinja/ast.h"
#include "chat/jinja/token_stream.h"

namespace trinity::jinja {

// Levels that a template may nest brackets, operators and tags.
constexpr int kMaxSyntaxDepth = 150;
// Levels of a tree, which chains of operators and filters make without nesting.
constexpr int kMaxTreeDepth = 400;

// Jinja2's expression grammar, by recursive descent.
class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& stream) : stream_(stream) {}

  enum class Conditions { kNo, kYes };  // whether `a if b else c` may stand here

  ExpressionPtr ParseExpression(Conditions conditions = Conditions::kYes);
  // One expression or, with a comma, a tuple. Stops before the name `end`, where one is given.
  ExpressionPtr ParseTuple(Conditions conditions = Conditions::kYes, std::string_view end = "");
  // Where a value can be stored. Namespace attributes only in `set`.
  enum class NamespaceTargets { kNo, kYes };
  ExpressionPtr ParseTarget(std::string_view end, NamespaceTargets namespaces);
  ExpressionPtr ParseNameTarget();
  // Filters behind a bar, or (`starts_inline`) one right here. Returns `value` if there is none.
  enum class FilterStart { kBar, kInline };
  ExpressionPtr ParseFilters(ExpressionPtr value, FilterStart start);

 private:
  friend class SyntaxLevel;

  ExpressionPtr New(ExpressionKind kind, Position position);
  ExpressionPtr NewBinary(ExpressionKind kind, Position position, ExpressionPtr left,
                          ExpressionPtr right);
  ExpressionPtr Constant(Value value, Position position);
  void Add(Expression& parent, ExpressionPtr child);
  void Deepen(Expression& parent, const ExpressionPtr& child);

  ExpressionPtr ParseCondition();
  ExpressionPtr ParseOr();
  ExpressionPtr ParseAnd();
  ExpressionPtr ParseNot();
  ExpressionPtr ParseCompare();
  ExpressionPtr ParseSum();
  ExpressionPtr ParseConcat();
  ExpressionPtr ParseProduct();
  ExpressionPtr ParsePower();
  enum class WithFilters { kNo, kYes };
  ExpressionPtr ParseUnary(WithFilters filters);
  ExpressionPtr ParsePrimary(NamespaceTargets namespaces);
  ExpressionPtr ParseNameOrConstant(NamespaceTargets namespaces);
  ExpressionPtr ParseParentheses();
  ExpressionPtr ParseList();
  ExpressionPtr ParseDict();
  ExpressionPtr ParsePostfix(ExpressionPtr value);
  ExpressionPtr ParseFiltersAndTests(ExpressionPtr value);
  ExpressionPtr ParseSubscript(ExpressionPtr value);
  ExpressionPtr ParseSubscriptKey();
  ExpressionPtr ParseCall(ExpressionPtr callee);
  ExpressionPtr ParseTest(ExpressionPtr value);
  void ParseArguments(Expression& call);
  void ParseArgument(Expression& call);
  std::string ParseDottedName();
  bool IsTupleEnd(std::string_view end) const;
  bool StartsTestArgument() const;
  void CheckTarget(const Expression& target) const;

  TokenStream& stream_;
  int level_ = 0;
};

}  // namespace trinity::jinja
