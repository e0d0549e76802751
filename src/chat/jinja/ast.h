#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chat/jinja/filters.h"
#include "chat/jinja/operators.h"
#include "chat/jinja/predicates.h"
#include "chat/jinja/runtime.h"
#include "chat/jinja/value.h"

// The syntax tree of a template. The parser builds it; the resolver (resolver.h) then says for each
// name where its value lives.

namespace trinity::jinja {

// A variable: the slot of the function that is `hops` functions further out.
struct SlotRef {
  int hops = 0;
  int slot = -1;
};

enum class ExpressionKind {
  kConstant,
  kName,
  kList,
  kTuple,
  kDict,  // children: key, value, key, value, ...
  kNot,
  kNegate,
  kPlus,
  kBinary,
  kAnd,
  kOr,
  kCompare,    // children: one more than comparisons
  kConcat,     // ~
  kCondition,  // children: test, then, and else or nullptr
  kAttribute,  // children: object; constant: the name
  kItem,       // children: object, key
  kSlice,      // children: start, stop, step, each may be nullptr; only as the key of kItem
  kCall,       // children: callee
  kFilter,     // children: value, or nothing where the filter stands on a block
  kTest,       // children: value
};

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct ArgumentList {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> keywords;
  ExpressionPtr star;         // *iterable
  ExpressionPtr double_star;  // **mapping
};

struct Expression {
  ExpressionKind kind = ExpressionKind::kConstant;
  Position position;
  int depth = 1;  // 1 plus the deepest child
  Value constant;
  std::string name;  // of kName, kFilter, kTest, and of the attribute
  std::vector<ExpressionPtr> children;
  std::vector<Comparison> comparisons;
  BinaryOperator binary = BinaryOperator::kAdd;
  ArgumentList arguments;

  SlotRef slot;                   // of kName, from the resolver
  bool is_exported = false;       // of a kName that is set at the top: blocks can see it
  Filter filter = nullptr;        // nullptr: unknown, an error once it is used
  Predicate predicate = nullptr;  // as filter
};

// What a scope does with its variables when it is entered.
struct Load {
  enum class Kind { kMissing, kFromContext, kFromVariable };
  Kind kind = Kind::kMissing;
  int slot = 0;
  std::string name;  // in the context
  SlotRef source;    // the outer variable, seen from the function of this scope
};

struct Scope {
  std::vector<Load> loads;
  std::vector<int> slots;  // of this scope; they lose their values at its end
};

enum class StatementKind {
  kText,
  kOutput,
  kIf,
  kFor,
  kSet,
  kSetBlock,
  kMacro,
  kCallBlock,
  kGeneration,
  kFilterBlock,
  kWith,
  kBlock,
  kAutoescape,
  kBreak,
  kContinue,
  kNeedsLoader,
};

struct Statement {
  explicit Statement(StatementKind statement_kind) : kind(statement_kind) {}
  virtual ~Statement() = default;
  const StatementKind kind;
  Position position;
};
using StatementPtr = std::unique_ptr<Statement>;
using Body = std::vector<StatementPtr>;

struct TextStatement final : Statement {
  TextStatement() : Statement(StatementKind::kText) {}
  std::string text;
};

struct OutputStatement final : Statement {
  OutputStatement() : Statement(StatementKind::kOutput) {}
  ExpressionPtr value;
};

struct IfStatement final : Statement {
  IfStatement() : Statement(StatementKind::kIf) {}
  struct Branch {
    ExpressionPtr test;
    Body body;
  };
  std::vector<Branch> branches;
  Body else_body;
};

struct ForStatement final : Statement {
  ForStatement() : Statement(StatementKind::kFor) {}
  ExpressionPtr target;
  ExpressionPtr iterable;
  ExpressionPtr test;  // nullptr: every item
  Body body;
  Body else_body;
  bool is_recursive = false;
  ExpressionPtr test_target;  // a copy of the target: the test has its own variables
  // From the resolver.
  Scope scope;
  Scope test_scope;
  Scope else_scope;
  int loop_slot = -1;  // of the variable `loop`; -1 where nothing reads it
  int num_slots = 0;   // of the function that a recursive loop is
};

// A name, a tuple of targets, or (kAttribute of a kName) an attribute of a namespace.
struct SetStatement final : Statement {
  SetStatement() : Statement(StatementKind::kSet) {}
  ExpressionPtr target;
  ExpressionPtr value;
};

struct SetBlockStatement final : Statement {
  SetBlockStatement() : Statement(StatementKind::kSetBlock) {}
  ExpressionPtr target;
  ExpressionPtr filter;  // nullptr: none
  Body body;
  Scope scope;
};

// What a macro and the body of a call block have in common.
struct MacroDefinition {
  std::string name;
  std::vector<ExpressionPtr> parameters;  // kName
  std::vector<ExpressionPtr> defaults;    // of the last parameters
  Body body;
  // From the resolver.
  Scope scope;
  int num_slots = 0;
  std::vector<int> parameter_slots;
  int caller_slot = -1;  // -1 where the body does not use it
  int kwargs_slot = -1;
  int varargs_slot = -1;
  bool has_caller_parameter = false;
};

struct MacroStatement final : Statement {
  MacroStatement() : Statement(StatementKind::kMacro) {}
  MacroDefinition macro;
  SlotRef target;
  bool is_top_level = false;
};

// {% call %}; {% generation %} is one without a call, whose body is its output.
struct CallBlockStatement final : Statement {
  explicit CallBlockStatement(StatementKind statement_kind) : Statement(statement_kind) {}
  ExpressionPtr call;  // kCall, or nullptr
  MacroDefinition caller;
};

struct FilterBlockStatement final : Statement {
  FilterBlockStatement() : Statement(StatementKind::kFilterBlock) {}
  ExpressionPtr filter;
  Body body;
  Scope scope;
};

struct WithStatement final : Statement {
  WithStatement() : Statement(StatementKind::kWith) {}
  std::vector<ExpressionPtr> targets;
  std::vector<ExpressionPtr> values;
  Body body;
  Scope scope;
};

struct BlockStatement final : Statement {
  BlockStatement() : Statement(StatementKind::kBlock) {}
  std::string name;
  bool is_scoped = false;
  bool is_required = false;
  Body body;
  Scope scope;
  int num_slots = 0;
  // The variables around a scoped block, seen from there: they go before the context.
  std::map<std::string, SlotRef> visible;
};

struct AutoescapeStatement final : Statement {
  AutoescapeStatement() : Statement(StatementKind::kAutoescape) {}
  ExpressionPtr value;
  Body body;
  Scope scope;
};

struct LoopControlStatement final : Statement {
  explicit LoopControlStatement(StatementKind statement_kind) : Statement(statement_kind) {}
};

// include, import, from and extends: parsed, and an error when they are executed, because chat
// templates stand alone.
struct NeedsLoaderStatement final : Statement {
  NeedsLoaderStatement() : Statement(StatementKind::kNeedsLoader) {}
  std::string tag;
  ExpressionPtr source;
  std::vector<ExpressionPtr> targets;  // names that would be imported
};

struct TemplateTree {
  Body body;
  Scope scope;
  int num_slots = 0;
  std::vector<const BlockStatement*> blocks;
};

}  // namespace trinity::jinja
